"""The media engine as cffi compiled it from csrc/engine.h.

Made by `python -m drivers.build_engine --stub`; a test compares it with the compiled module."""

from typing import Any

class FFI:
    NULL: Any
    errno: int
    def new(self, cdecl: str, init: Any = ...) -> Any: ...
    def cast(self, cdecl: str, value: Any) -> Any: ...
    def buffer(self, cdata: Any, size: int = ...) -> Any: ...
    def from_buffer(self, cdecl: str, buffer: Any, require_writable: bool = ...) -> Any: ...
    def string(self, cdata: Any, maxlen: int = ...) -> bytes: ...
    def unpack(self, cdata: Any, length: int) -> Any: ...
    def memmove(self, dest: Any, src: Any, n: int) -> None: ...
    def gc(self, cdata: Any, destructor: Any, size: int = ...) -> Any: ...
    def sizeof(self, cdecl: Any) -> int: ...
    def typeof(self, cdecl: Any) -> Any: ...
    def release(self, cdata: Any) -> None: ...
    def addressof(self, cdata: Any, *fields: Any) -> Any: ...

class Lib:
    TR_ABI: int
    TR_ALARM_BLUE: int
    TR_ALARM_LOS: int
    TR_ALARM_RED: int
    TR_ALARM_REMOVED: int
    TR_ALARM_YELLOW: int
    TR_BENCH_ALL_PAIRS: int
    TR_BENCH_CANCELLED: int
    TR_BENCH_CONFERENCE: int
    TR_BENCH_COPY: int
    TR_BENCH_MIXED: int
    TR_BENCH_PAIRS: int
    TR_BLOCK: int
    TR_CALLERID_DTMF: int
    TR_CALLERID_FSK: int
    TR_CAP_ECHO_CANCELLER: int
    TR_CAP_HEARS_ON_HOOK: int
    TR_CAP_HW_ECHO_CANCELLER: int
    TR_CAP_LAMP: int
    TR_CAP_ON_CARD_DTMF: int
    TR_CAP_POLARITY: int
    TR_CAP_PRECISION: int
    TR_CAP_REPORTS_RING_BEGIN: int
    TR_CAP_RX_ONLY: int
    TR_COMMAND_SIZE: int
    TR_DETECT_DTMF: int
    TR_DETECT_DTMF_ID: int
    TR_DETECT_FSK_ID: int
    TR_DETECT_TONES: int
    TR_DETECT_VOICE: int
    TR_DUCK_PROMPT: int
    TR_ECHO_FAX: int
    TR_ECHO_OFF: int
    TR_ECHO_ON: int
    TR_EVENT_SIZE: int
    TR_EV_ALARM: int
    TR_EV_BITS: int
    TR_EV_CALLER_ID: int
    TR_EV_COMMAND_FAILED: int
    TR_EV_DTMF_BEGIN: int
    TR_EV_DTMF_END: int
    TR_EV_FALLBACK: int
    TR_EV_FLASH: int
    TR_EV_FRAME: int
    TR_EV_HOOK_DONE: int
    TR_EV_LAMP: int
    TR_EV_LATE: int
    TR_EV_LOOP_DROP: int
    TR_EV_NONE: int
    TR_EV_NOT_TONE: int
    TR_EV_OFFHOOK: int
    TR_EV_ONHOOK: int
    TR_EV_OVERRUN: int
    TR_EV_PLAY_DONE: int
    TR_EV_POLARITY: int
    TR_EV_PRI: int
    TR_EV_PRI_FRAME: int
    TR_EV_PULSE_DIGIT: int
    TR_EV_R2: int
    TR_EV_RECORD_DONE: int
    TR_EV_RING_BEGIN: int
    TR_EV_RING_END: int
    TR_EV_TONE: int
    TR_EV_TONE_END: int
    TR_EV_TONE_OVERDUE: int
    TR_EV_VOICE_BEGIN: int
    TR_EV_VOICE_END: int
    TR_E_ARGUMENT: int
    TR_E_FULL: int
    TR_E_NO_MEMORY: int
    TR_E_NO_PORT: int
    TR_E_STALE: int
    TR_E_STATE: int
    TR_E_SYSTEM: int
    TR_E_TOO_LONG: int
    TR_E_UNSUPPORTED: int
    TR_FALLBACK_BUSY: int
    TR_FALLBACK_LEAVE: int
    TR_FALLBACK_ON_HOOK: int
    TR_FRAME_MAX: int
    TR_HEADER: int
    TR_HEAR_NOT: int
    TR_KIND_B: int
    TR_KIND_D: int
    TR_KIND_FXO: int
    TR_KIND_FXS: int
    TR_KIND_NONE: int
    TR_LAW_A: int
    TR_LAW_MU: int
    TR_LISTEN: int
    TR_MAX_TONES: int
    TR_NO_PORT: int
    TR_OK: int
    TR_OP_BITS: int
    TR_OP_CAPTURE: int
    TR_OP_CAPTURE_STOP: int
    TR_OP_DETECT: int
    TR_OP_ECHO_CANCELLER: int
    TR_OP_EPOCH: int
    TR_OP_FLASH: int
    TR_OP_FRAME: int
    TR_OP_GAIN: int
    TR_OP_HEAR: int
    TR_OP_HOOK: int
    TR_OP_JOIN: int
    TR_OP_LAMP: int
    TR_OP_LOOP_OPEN: int
    TR_OP_NONE: int
    TR_OP_ON_HOOK_TX: int
    TR_OP_PLAY: int
    TR_OP_PLAY_STOP: int
    TR_OP_POLARITY: int
    TR_OP_PRI: int
    TR_OP_R2: int
    TR_OP_RECORD: int
    TR_OP_RECORD_STOP: int
    TR_OP_RING: int
    TR_OP_SETTING: int
    TR_OP_TONE_PLAN: int
    TR_PLAY_DIGIT: int
    TR_PLAY_DTMF: int
    TR_PLAY_FAILED: int
    TR_PLAY_FILE: int
    TR_PLAY_FINISHED: int
    TR_PLAY_FSK_ID: int
    TR_PLAY_MF_R1: int
    TR_PLAY_MF_R2B: int
    TR_PLAY_MF_R2F: int
    TR_PLAY_SAMPLES: int
    TR_PLAY_SILENCE: int
    TR_PLAY_STOPPED: int
    TR_PLAY_TONE: int
    TR_PRI_ALERT: int
    TR_PRI_ALERTING: int
    TR_PRI_ANSWER: int
    TR_PRI_ANSWERED: int
    TR_PRI_BY_TIMER: int
    TR_PRI_BY_US: int
    TR_PRI_CALL: int
    TR_PRI_CALLS: int
    TR_PRI_CLEAR: int
    TR_PRI_CLEARED: int
    TR_PRI_CLOSE: int
    TR_PRI_DIGITS: int
    TR_PRI_DOWN: int
    TR_PRI_HEAR: int
    TR_PRI_INBAND: int
    TR_PRI_INCOMING: int
    TR_PRI_IN_SERVICE: int
    TR_PRI_K: int
    TR_PRI_LOOPBACK: int
    TR_PRI_MORE: int
    TR_PRI_N200: int
    TR_PRI_N316: int
    TR_PRI_NETWORK: int
    TR_PRI_NOTE: int
    TR_PRI_NUMBER: int
    TR_PRI_OFFERED: int
    TR_PRI_OUT_OF_SERVICE: int
    TR_PRI_PROCEED: int
    TR_PRI_PROCEEDING: int
    TR_PRI_PROGRESS: int
    TR_PRI_REFUSED: int
    TR_PRI_RENEWED: int
    TR_PRI_RESTART: int
    TR_PRI_RESTARTED: int
    TR_PRI_RESTART_DONE: int
    TR_PRI_SERVICE: int
    TR_PRI_SERVICED: int
    TR_PRI_SETUP: int
    TR_PRI_SETUP_ACK: int
    TR_PRI_T200: int
    TR_PRI_T203: int
    TR_PRI_T303: int
    TR_PRI_T305: int
    TR_PRI_T308: int
    TR_PRI_T309: int
    TR_PRI_T313: int
    TR_PRI_T316: int
    TR_PRI_TELL: int
    TR_PRI_TIMERS: int
    TR_PRI_TRACE_ALL: int
    TR_PRI_TRACE_CALLS: int
    TR_PRI_TRACE_NONE: int
    TR_PRI_UP: int
    TR_PRI_USER: int
    TR_PRI_WANTS_MORE: int
    TR_R2_ACCEPT: int
    TR_R2_ACCEPTED: int
    TR_R2_ANSWER: int
    TR_R2_ANSWERED: int
    TR_R2_ASKS: int
    TR_R2_AT_CALLED: int
    TR_R2_AT_CALLER: int
    TR_R2_AT_CATEGORY: int
    TR_R2_AT_DECISION: int
    TR_R2_AT_GROUP_B: int
    TR_R2_AT_RINGING: int
    TR_R2_AT_SEIZURE: int
    TR_R2_AT_TALK: int
    TR_R2_A_AGAIN: int
    TR_R2_A_BACK1: int
    TR_R2_A_BACK2: int
    TR_R2_A_BACK3: int
    TR_R2_A_CALLER: int
    TR_R2_A_CONGESTION: int
    TR_R2_A_FREE: int
    TR_R2_A_GROUP_B: int
    TR_R2_A_NEXT: int
    TR_R2_A_NONE: int
    TR_R2_A_VACANT: int
    TR_R2_BITS_HEARD: int
    TR_R2_BITS_SENT: int
    TR_R2_BLOCK: int
    TR_R2_CALL: int
    TR_R2_CALLER_CUT: int
    TR_R2_CALLER_WITHHELD: int
    TR_R2_CLEAR: int
    TR_R2_DIGITS: int
    TR_R2_ENDED: int
    TR_R2_END_ALARM: int
    TR_R2_END_BITS: int
    TR_R2_END_CAUSES: int
    TR_R2_END_DOUBLE: int
    TR_R2_END_FAR: int
    TR_R2_END_GROUP_A: int
    TR_R2_END_GROUP_B: int
    TR_R2_END_ILLEGAL: int
    TR_R2_END_NORMAL: int
    TR_R2_END_STOPPED: int
    TR_R2_END_TIMER: int
    TR_R2_END_TONE: int
    TR_R2_FAR_BLOCKED: int
    TR_R2_MORE: int
    TR_R2_OFFERED: int
    TR_R2_PREFIXES: int
    TR_R2_PROCEEDING: int
    TR_R2_READY: int
    TR_R2_RELEASED: int
    TR_R2_SEIZED: int
    TR_R2_START: int
    TR_R2_STEPS: int
    TR_R2_STOP: int
    TR_R2_STUCK: int
    TR_R2_SUSPENDED: int
    TR_R2_TELL: int
    TR_R2_TIMERS: int
    TR_R2_TONE_HEARD: int
    TR_R2_TONE_SENT: int
    TR_R2_TRACE: int
    TR_R2_T_ACCEPT: int
    TR_R2_T_ACK: int
    TR_R2_T_ALARM: int
    TR_R2_T_ANSWER: int
    TR_R2_T_ANSWER_DELAY: int
    TR_R2_T_BACKWARD: int
    TR_R2_T_BACKWARD_MIN: int
    TR_R2_T_BETWEEN: int
    TR_R2_T_CALLED: int
    TR_R2_T_CALLER: int
    TR_R2_T_DOUBLE: int
    TR_R2_T_FORWARD: int
    TR_R2_T_GUARD: int
    TR_R2_T_NO_FORWARD: int
    TR_R2_T_PULSE: int
    TR_R2_T_PULSE_GAP: int
    TR_R2_T_REANSWER: int
    TR_R2_T_RECOGNISE: int
    TR_R2_T_REPLY_MIN: int
    TR_R2_T_STUCK: int
    TR_R2_UNBLOCK: int
    TR_RATE: int
    TR_RECORD_FAILED: int
    TR_RECORD_LIMIT: int
    TR_RECORD_OVERRUN: int
    TR_RECORD_RX: int
    TR_RECORD_SILENCE: int
    TR_RECORD_STEREO: int
    TR_RECORD_STOPPED: int
    TR_RECORD_TX: int
    TR_SET_ANSWER_VOICE_MS: int
    TR_SET_DEBOUNCE_MS: int
    TR_SET_FALLBACK: int
    TR_SET_FLASH_MAX_MS: int
    TR_SET_FLASH_MIN_MS: int
    TR_SET_GUARD_MS: int
    TR_SET_LAW: int
    TR_SET_LOOP_DROP_MS: int
    TR_SET_PULSE_DIAL: int
    TR_SET_RING_DEBOUNCE_MS: int
    TR_SET_VOICE_LEVEL: int
    TR_SIDE_MAX: int
    TR_STOP_ON_DIGIT: int
    TR_TALK: int
    TR_TICK_MS: int
    def tr_abi(self) -> int: ...
    def tr_backplane_new(self, _0: Any, _1: int, _2: int, _3: int, _4: int) -> Any: ...
    def tr_backplane_reconnect(self, _0: Any, _1: int) -> int: ...
    def tr_backplane_stats(self, _0: Any, _1: Any) -> int: ...
    def tr_bench(self, _0: int, _1: int, _2: int, _3: int, _4: Any, _5: int, _6: int, _7: Any) -> int: ...
    def tr_bench_bridge(self, _0: Any, _1: Any) -> int: ...
    def tr_bench_soak(self, _0: Any, _1: Any) -> int: ...
    def tr_canceller_feed(self, _0: Any, _1: Any, _2: Any, _3: Any, _4: int) -> int: ...
    def tr_canceller_free(self, _0: Any) -> None: ...
    def tr_canceller_new(self, _0: int) -> Any: ...
    def tr_dahdi_card_new(self, _0: Any, _1: int, _2: Any, _3: int) -> Any: ...
    def tr_engine_add_card(self, _0: Any, _1: Any) -> int: ...
    def tr_engine_command(self, _0: Any, _1: Any, _2: Any, _3: int) -> int: ...
    def tr_engine_event_fd(self, _0: Any) -> int: ...
    def tr_engine_events(self, _0: Any, _1: Any, _2: int) -> int: ...
    def tr_engine_free(self, _0: Any) -> None: ...
    def tr_engine_new(self, _0: Any) -> Any: ...
    def tr_engine_port_state(self, _0: Any, _1: int, _2: Any) -> int: ...
    def tr_engine_side(self, _0: Any, _1: Any, _2: Any, _3: int) -> int: ...
    def tr_engine_start(self, _0: Any) -> int: ...
    def tr_engine_stats(self, _0: Any, _1: Any) -> int: ...
    def tr_engine_stop(self, _0: Any) -> int: ...
    def tr_engines_step(self, _0: Any, _1: int, _2: int) -> int: ...
    def tr_g711_decode(self, _0: int, _1: Any, _2: Any, _3: int) -> None: ...
    def tr_g711_encode(self, _0: int, _1: Any, _2: Any, _3: int) -> None: ...
    def tr_listener_feed(self, _0: Any, _1: Any, _2: int, _3: Any, _4: int) -> int: ...
    def tr_listener_free(self, _0: Any) -> None: ...
    def tr_listener_new(self, _0: int, _1: Any, _2: int) -> Any: ...
    def tr_listener_side(self, _0: Any, _1: Any, _2: Any, _3: int) -> int: ...
    def tr_port_alloc(self, _0: Any, _1: Any, _2: int, _3: Any) -> int: ...
    def tr_port_release(self, _0: Any, _1: int) -> int: ...
    def tr_pri_open(self, _0: Any, _1: int, _2: Any) -> int: ...
    def tr_pri_stats(self, _0: Any, _1: int, _2: Any) -> int: ...
    def tr_render(self, _0: Any, _1: Any, _2: int, _3: Any, _4: int) -> int: ...
    def tr_sim_card_add_port(self, _0: Any, _1: int, _2: int) -> int: ...
    def tr_sim_card_new(self, _0: Any) -> Any: ...
    def tr_simd(self, _0: Any) -> Any: ...
    def tr_strerror(self, _0: int) -> Any: ...
    def tr_wire_connect(self, _0: Any, _1: int, _2: Any, _3: int) -> int: ...
    def tr_wire_disconnect(self, _0: Any, _1: int) -> int: ...
    def tr_wire_get(self, _0: Any, _1: int, _2: Any) -> int: ...
    def tr_wire_set(self, _0: Any, _1: int, _2: Any) -> int: ...
    def tr_wire_tap(self, _0: Any, _1: int, _2: Any) -> int: ...

ffi: FFI
lib: Lib
