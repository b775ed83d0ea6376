import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { readCommand, UsageError } from "../../src/command/arguments.ts";

const prune = (...args: string[]) => readCommand(["prune", ...args]);

suite("The command line", () => {
  test("serves without arguments, and prints help on request", () => {
    assert.deepEqual(readCommand([]), { kind: "serve" });
    for (const args of [["--help"], ["-h"], ["help"], ["prune", "--help"], ["prune", "-h"]]) {
      assert.deepEqual(readCommand(args), { kind: "help" });
    }
  });

  test("accepts an instant to prune before, and reads a date as midnight in UTC", () => {
    const midnightUs = 1_767_225_600_000_000n;
    const instants: Record<string, bigint> = {
      "2026-01-01": midnightUs,
      "2026-01-01T00:00:00Z": midnightUs,
      "2026-01-01t01:00:00+01:00": midnightUs,
      "2025-12-31 19:00:00-05:00": midnightUs,
      "2026-01-01T00:00:00.000001Z": midnightUs + 1n,
      "2026-01-01T00:00:00.000001999Z": midnightUs + 1n,
      "1969-12-31T23:59:59Z": -1_000_000n,
    };
    for (const [before, beforeUs] of Object.entries(instants)) {
      const request = { kind: "prune", beforeUs, project: undefined, dryRun: false };
      assert.deepEqual(prune("--before", before), request, before);
    }
    assert.deepEqual(prune("--before=2026-01-01", "--project", "p q", "--dry-run"), {
      kind: "prune",
      beforeUs: midnightUs,
      project: "p q",
      dryRun: true,
    });
  });

  test("is refused with one line that says what is wrong", () => {
    const instant = /^prune: --before: must be a date or a date-time of RFC 3339, such as /;
    const cases: [string[], RegExp][] = [
      [["serve"], /^there is no command "serve"; try --help$/],
      [["--before", "2026-01-01"], /^there is no command "--before"/],
      [["prune"], /^prune: --before is required, such as --before 2026-01-01$/],
      ...[
        "",
        "yesterday",
        "2026-02-30",
        "2026-1-1",
        "2026-01-01T00:00:00",
        "2026-01-01T25:00:00Z",
        "1767225600",
      ].map((text): [string[], RegExp] => [["prune", `--before=${text}`], instant]),
      [["prune", "--before"], /^prune: Option '--before <value>' argument missing$/],
      [["prune", "--before", "2026-01-01", "--before", "2025-01-01"], /^prune: --before: is given twice$/],
      [["prune", "--before", "2026-01-01", "--project="], /^prune: --project: is required$/],
      [
        ["prune", "--before", "2026-01-01", "--project", "p".repeat(257)],
        /^prune: --project: must be at most 256/,
      ],
      [["prune", "--before", "2026-01-01", "--all"], /^prune: Unknown option '--all'$/],
      [["prune", "--before", "2026-01-01", "extra"], /^prune: Unexpected argument 'extra'$/],
    ];
    for (const [args, message] of cases) {
      assert.throws(
        () => readCommand(args),
        (error) =>
          error instanceof UsageError && message.test(error.message) && !error.message.includes("\n"),
        args.join(" "),
      );
    }
  });
});
