import pytest

from benchmarks.peers.tables import COSTS, READING, open_table, reading_table, wins

TITLES = {"spanqa": "SpanQA", "slow": "Slow", "broken": "Broken"}
OURS = {
    "build_seconds": 10.0,
    "build_memory": 100 * 2**20,
    "disk": 2**20,
    "cold_ms": 500.0,
    "p50_ms": 40.0,
    "p95_ms": 60.0,
    "questions_per_second": 20.0,
    "ask_memory": 200 * 2**20,
    "recall": 80.0,
    "recall_ci95": [70.0, 90.0],
    "exact_match": 30.0,
    "exact_match_ci95": [20.0, 40.0],
    "f1": 35.0,
    "f1_ci95": [25.0, 45.0],
}
SLOW = OURS | {
    "build_seconds": 5.0,
    "p50_ms": 400.0,
    "questions_per_second": 2.0,
    "against": {"recall": [5.0, 1.0, 9.0], "exact_match": [2.0, -3.0, 7.0], "f1": [-4, -9, 1]},
}


def lines(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_ratios_say_how_many_times_better_spanqa_is():
    head, _, ours, slow = lines(open_table({"spanqa": OURS, "slow": SLOW}, {}, TITLES, 20))
    assert ours[head.index("warm p50")] == "40 ms"
    assert slow[head.index("warm p50")] == "400 ms (10.00x)"
    assert slow[head.index("batch")] == "2.00 q/s (10.00x)"
    assert slow[head.index("build")] == "5.0 s (0.50x)"
    assert slow[head.index("recall@20")] == "80.0 [70.0, 90.0]"


def test_the_row_says_where_a_peer_is_better_and_how_sure_that_is():
    assert wins(SLOW, OURS, COSTS) == "build 2.00x; recall@k +5.0; EM +2.0, within chance"
    assert wins(OURS | {"p50_ms": 39.5}, OURS, COSTS) == "nothing"


def test_a_failed_system_keeps_a_row_with_its_reason():
    table = open_table({"spanqa": OURS}, {"broken": "no | Java"}, TITLES, 20)
    assert lines(table)[-1][:2] == ["Broken", "failed: no / Java"]
    assert len({len(line) for line in lines(table)}) == 1


@pytest.mark.parametrize("scored", [False, True])
def test_reading_table(scored):
    row = {"passages_per_second": 100.0, "memory": 2**20, "agreement": 99.0}
    if scored:
        row |= {key: OURS[key] for key in ("exact_match", "exact_match_ci95", "f1", "f1_ci95")}
    rows = {"spanqa": row, "slow": row | {"passages_per_second": 200.0}}
    head, _, _, slow = lines(reading_table(rows, {}, TITLES))
    assert slow[head.index(READING.heading)] == "200.0 (0.50x)"
    assert slow[-1] == "passages/s 2.00x"
    assert ("F1" in head) == scored
