"""The papers' setting from corpus to table: index, recall, answers; or a share of it, scaled up.

    python -m benchmarks.full_setting CORPUS QUESTIONS ... --out DIR [--share 0.01] [--ask 200]
        [--build "--text-field text --title-field title"] [--passages 21015324]

The full setting is DPR's 21,015,324 passages of Wikipedia (Karpukhin et al. 2020, section 4.1),
`psgs_w100.tsv` or `hf:facebook/wiki_dpr:psgs_w100.nq.no_index:train`, and the questions nq_open,
squad and web_questions, by name or as files. `--share` takes every n-th line of a JSONL or TSV
file; of a data set of the hub take a part by its own syntax, `...:train[:1%]`, and give its share
as well. What the share cost is measured, and the whole is estimated from it: reading, BM25 and
vectors grow with the passages, as files do. Recall over a share of the passages says nothing
of recall over all: more passages bring more answers and more competition.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import shlex
import subprocess
import sys
from pathlib import Path

from encoder import cpu

DPR = 21_015_324
QA = [sys.executable, "-m", "pipelines.cli"]
OPENERS = {".gz": gzip.open, ".xz": lzma.open}


def sliced(corpus: str, share: float, out: Path) -> str:
    """Write every n-th line of a local file; a header line of TSV stays."""
    if corpus.startswith("hf:") or share >= 1:
        return corpus
    source = Path(corpus)
    bare = source.with_suffix("") if source.suffix in OPENERS else source
    target = out / f"share{bare.suffix}"
    every = round(1 / share)
    with (
        OPENERS.get(source.suffix, open)(source, "rt", encoding="utf-8") as lines,
        target.open("w", encoding="utf-8") as file,
    ):
        for number, line in enumerate(lines):
            if (bare.suffix == ".tsv" and number == 0) or number % every == 1 % every:
                file.write(line)
    return str(target)


def command(*arguments: str) -> dict:
    """Run `qa` with --json, its progress on the terminal."""
    done = subprocess.run([*QA, *arguments, "--json"], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def size(number: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def cost_table(built: dict, wanted: int) -> list[str]:
    """Return what the build cost, and what `wanted` passages would."""
    passages = built["passages"]
    times = wanted / passages
    rows = [
        f"| cost | {passages:,} passages, measured | {wanted:,} passages, estimated |",
        "|---|---|---|",
    ]
    for stage, seconds in built["seconds"].items():
        rows.append(f"| {stage} | {seconds:.0f} s | {seconds * times / 3600:.1f} h |")
    disk = sum(built["files"].values())
    vectors = sum(n for name, n in built["files"].items() if "faiss" in name or "vector" in name)
    rows.append(f"| disk | {size(disk)} | {size(disk * times)} |")
    rows.append(f"| of it vectors | {size(vectors)} | {size(vectors * times)} |")
    rows.append(f"| peak memory of the build | {size(built['peak_memory'])} | not in proportion |")
    return rows


def score_rows(questions: str, index: Path, ask: int, out: Path) -> str:
    """Return a row of recall over all questions, and EM and F1 over the first `ask`."""
    where = ["--index", str(index)]
    found = command("eval", "retrieval", questions, *where)
    read = command("eval", "open", questions, *where, "--limit", str(ask))
    (out / f"{Path(questions).name}.json").write_text(json.dumps([found, read], indent=2) + "\n")
    recall = " | ".join(f"{found['recall'][k]:.1f}" for k in ("1", "5", "20", "100"))
    low, high = read["ci95"]["exact_match"]
    name = Path(questions).name
    return (
        f"| {name} | {found['n']:,} | {recall} | {found['mrr']:.3f} | {read['n']} | "
        f"{read['exact_match']:.1f} [{low:.1f}, {high:.1f}] | {read['f1']:.1f} | "
        f"{read['latency_ms']['p50']:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--ask", type=int, default=200, help="questions of each file to answer")
    parser.add_argument("--build", default="", help="options of `qa index build`")
    parser.add_argument("--passages", type=int, default=DPR, help="what the estimate is for")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    index = args.out / "index"
    record = args.out / "build.json"
    if not record.exists():
        source = sliced(args.corpus, args.share, args.out)
        built = command(
            "index", "build", source, "--out", str(index), "--resume", *shlex.split(args.build)
        )
        record.write_text(json.dumps(built, indent=2) + "\n")
    built = json.loads(record.read_text())
    lines = [f"{args.share:.2%} of {args.corpus}, {cpu.threads()} cores", ""]
    lines += cost_table(built, args.passages)
    lines += [
        "",
        "| questions | n | R@1 | R@5 | R@20 | R@100 | MRR | asked | EM | F1 | ms (p50) |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [score_rows(questions, index, args.ask, args.out) for questions in args.questions]
    text = "\n".join(lines) + "\n"
    (args.out / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
