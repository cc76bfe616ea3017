"""What is done with a call where the cards are the switch, and who must hear whom then: one case for each verb.

Rows of a table (deed_rows.py) in which N stands for the caller's number; times count from the moment in which the
caller hears the first person, or from when the call is offered to an agent. Telephones that are rung are lifted after
2 s.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`talk_s`: how long the caller stays once somebody is heard; None: as the case of scenario.py of that name."""

    talk_s: float | None
    rows: str = ""


CASES: dict[str, Case] = {
    "answered": Case(
        8.0,
        """
        N+1..7   | caller N        | hears agent of N at -15
        N+1..7   | agent of N      | hears caller N at -15
        """,
    ),
    "hold": Case(
        14.0,
        """
        N+2      | agent of N      | hold
        N+3..5.5 | caller N        | hears music
        N+3..5.5 | agent of N      | hears nothing
        N+6      | agent of N      | retrieve
        N+7..12  | caller N        | hears agent of N
        N+7..12  | agent of N      | hears caller N
        """,
    ),
    "consult_transfer": Case(
        20.0,
        """
        N+2      | agent of N      | consult other of N
        N+3..8   | caller N        | hears music
        N+6..8   | agent of N      | hears other of N
        N+6..8   | other of N      | hears agent of N
        N+9      | agent of N      | transfer
        N+10..18 | caller N        | hears other of N
        N+10..18 | other of N      | hears caller N
        """,
    ),
    "blind_transfer": Case(
        16.0,
        """
        N+2      | agent of N      | blind_transfer other of N
        N+2.5..4 | caller N        | hears tone
        N+7..14  | caller N        | hears other of N
        N+7..14  | other of N      | hears caller N
        """,
    ),
    "alternate": Case(
        24.0,
        """
        N+2      | agent of N      | consult other of N
        N+6..7.5 | agent of N      | hears other of N
        N+8      | agent of N      | alternate
        N+9..11  | caller N        | hears agent of N
        N+9..11  | agent of N      | hears caller N
        N+9..11  | other of N      | hears music
        N+12     | agent of N      | alternate
        N+13..15 | caller N        | hears music
        N+13..15 | agent of N      | hears other of N
        N+13..15 | other of N      | hears agent of N
        N+16     | agent of N      | transfer
        N+17..22 | caller N        | hears other of N
        """,
    ),
    "three_way": Case(
        24.0,
        """
        N+2      | agent of N      | consult other of N
        N+8      | agent of N      | three_way
        N+9..13  | caller N        | hears agent of N, other of N
        N+9..13  | agent of N      | hears caller N, other of N
        N+9..13  | other of N      | hears caller N, agent of N
        N+14     | agent of N      | hangs up
        N+17..22 | caller N        | hears other of N
        N+17..22 | other of N      | hears caller N
        """,
    ),
    "conference": Case(
        36.0,
        """
        N+2      | agent of N      | consult outside of N
        N+16..18 | agent of N      | hears outside of N
        N+16..18 | caller N        | hears music
        N+19     | agent of N      | conference
        N+20..22 | caller N        | hears agent of N, outside of N
        N+20..22 | outside of N    | hears caller N, agent of N
        N+23     | agent of N      | conference other of N
        N+28..33 | caller N        | hears agent of N, outside of N, other of N
        N+28..33 | outside of N    | hears caller N, agent of N, other of N
        N+28..33 | other of N      | hears caller N, agent of N, outside of N
        N+28..33 | agent of N      | hears caller N, outside of N, other of N
        gone N+1 | agent of N      | hangs up
        gone N+2 | other of N      | hangs up
        """,
    ),
    "monitor": Case(
        16.0,
        """
        N+2      | supervisor of N | monitor agent of N
        N+6..14  | supervisor of N | hears caller N, agent of N
        N+6..14  | caller N        | hears agent of N
        N+6..14  | agent of N      | hears caller N
        """,
    ),
    "whisper": Case(
        16.0,
        """
        N+2      | supervisor of N | whisper agent of N
        N+6..14  | supervisor of N | hears caller N, agent of N
        N+6..14  | caller N        | hears agent of N
        N+6..14  | agent of N      | hears caller N, supervisor of N
        """,
    ),
    "barge_in": Case(
        22.0,
        """
        N+2      | supervisor of N | monitor agent of N
        N+6..8   | caller N        | hears agent of N
        N+9      | supervisor of N | barge_in agent of N
        N+10..15 | supervisor of N | hears caller N, agent of N
        N+10..15 | caller N        | hears agent of N, supervisor of N
        N+10..15 | agent of N      | hears caller N, supervisor of N
        N+16     | supervisor of N | hangs up
        N+18..20 | caller N        | hears agent of N
        N+18..20 | agent of N      | hears caller N
        """,
    ),
    "forced_release": Case(
        30.0,
        """
        N+3      | supervisor of N | forced_release agent of N
        N+7..8   | caller N        | is gone
        """,
    ),
    "take_over": Case(
        16.0,
        """
        N+2      | supervisor of N | take_over agent of N
        N+3..4   | caller N        | hears agent of N
        N+7..14  | caller N        | hears supervisor of N
        N+7..14  | supervisor of N | hears caller N
        """,
    ),
    "group_pickup": Case(
        10.0,
        """
        offered N+0.8 | other of N | group_pickup rung of N
        N+1..8   | caller N        | hears other of N
        N+1..8   | other of N      | hears caller N
        """,
    ),
    "take_ringing": Case(
        10.0,
        """
        offered N+0.2 | supervisor of N | lifts
        offered N+1   | supervisor of N | take_ringing rung of N
        N+1..8   | caller N        | hears supervisor of N
        N+1..8   | supervisor of N | hears caller N
        gone N+2 | supervisor of N | hangs up
        """,
    ),
    "deflect": Case(
        10.0,
        """
        offered N+0.8 | rung of N  | deflect other of N
        N+1..8   | caller N        | hears other of N
        """,
    ),
    "park": Case(
        18.0,
        """
        N+2      | agent of N      | park
        N+3..6   | caller N        | hears music
        N+6      | other of N      | pick_up slot of N
        N+10..16 | caller N        | hears other of N
        N+10..16 | other of N      | hears caller N
        """,
    ),
    "camp_on": Case(
        22.0,
        """
        N+1      | other of N      | lifts
        N+3      | agent of N      | camp_on other of N
        N+4..7   | caller N        | hears music
        N+8      | other of N      | hangs up
        N+15..20 | caller N        | hears other of N
        N+15..20 | other of N      | hears caller N
        """,
    ),
    "answer": Case(
        16.0,
        """
        N+1      | other of N      | lifts
        N+3      | agent of N      | camp_on other of N
        N+4..6   | caller N        | hears music
        N+7      | other of N      | answer
        N+8..14  | caller N        | hears other of N
        N+8..14  | other of N      | hears caller N
        gone N+2 | other of N      | hangs up
        """,
    ),
    "give_back": Case(
        45.0,
        """
        N+3      | agent of N      | give_back
        N+4..5   | caller N        | hears announcement
        reoffered N+6..9 | caller N | hears rung of N
        reoffered N+6..9 | rung of N | hears caller N
        """,
    ),
    "make": Case(
        24.0,
        """
        N+1      | other of N      | make outside of N
        N+16..20 | other of N      | hears outside of N
        N+16..20 | outside of N    | hears other of N
        N+21     | other of N      | hangs up
        """,
    ),
    "recall_button": Case(
        24.0,
        """
        N+2      | agent of N      | flashes
        N+4      | agent of N      | keys {other of N}
        N+4..9   | caller N        | hears music
        N+13..15 | agent of N      | hears other of N
        N+16     | agent of N      | hangs up
        N+18..22 | caller N        | hears other of N
        N+18..22 | other of N      | hears caller N
        """,
    ),
    "hang_up": Case(
        30.0,
        """
        N+4      | agent of N      | hang_up
        N+8..9   | caller N        | is gone
        """,
    ),
    "send_dtmf": Case(
        12.0,
        """
        N+1..2   | caller N        | hears agent of N
        N+2      | agent of N      | send_dtmf 159*0#24
        N+2..4.5 | agent of N      | hears caller N
        N+6..10  | caller N        | hears agent of N
        N+6..10  | agent of N      | hears caller N
        """,
    ),
    "refused": Case(
        14.0,
        """
        N+1      | agent of N      | retrieve -> wrong_state
        N+1.5    | agent of N      | transfer -> wrong_state
        N+2      | agent of N      | monitor other of N -> not_allowed
        N+2.5    | agent of N      | consult *9 -> unknown_number
        N+3      | agent of N      | consult agent of N -> unknown_number
        N+3.5    | agent of N      | pick_up 98 -> nobody_there
        N+4      | other of N      | hold -> wrong_state
        N+4.5    | supervisor of N | take_ringing agent of N -> nobody_there
        N+5      | supervisor of N | monitor other of N -> nobody_there
        N+5.5    | agent of N      | send_dtmf -> missing_target
        N+1..5   | caller N        | hears agent of N
        N+7..12  | caller N        | hears agent of N
        """,
    ),
    "complaint": Case(None),
    "abandoned_queue": Case(None),
    "message": Case(None),
    "abandoned_menu": Case(None),
    "abandoned_ring": Case(None),
}
