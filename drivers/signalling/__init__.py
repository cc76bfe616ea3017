"""How calls come and go on trunks: over analog lines, ISDN PRI and China No.1 (MFC-R2), all behind one interface."""
