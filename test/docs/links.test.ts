import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, it } from "node:test";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { ErrorReason } from "../../gen/es/budget/v1/error_reason_pb.ts";
import { SETTINGS_PAGE, settingsTable, withTable } from "../../scripts/settings-table.ts";
import { ROOT } from "../support/program.ts";
import { PAGES, type Page } from "./markdown.ts";

const README_LINES_MAX = 130;

const pageAt = (path: string): Page =>
  PAGES.find((page) => page.path === path) ?? assert.fail(`there is no page ${path}`);
const withoutBlocks = (text: string): string => text.replaceAll(/^```[^]*?^```$/gm, "");

/** The anchors of a page's headings, as GitHub generates them. */
const anchorsOf = ({ text }: Page): string[] =>
  [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );

const linksOf = ({ path, text }: Page): { target: string; anchor: string | undefined }[] =>
  [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^https?:/.test(link))
    .map((link) => {
      const [file = "", anchor] = link.split("#");
      return { target: file === "" ? path : normalize(join(dirname(path), file)), anchor };
    });

/** The npm scripts that a text names. */
const scriptsIn = (text: string): string[] =>
  [...text.matchAll(/\bnpm\s+(?:run\s+(?:(?:-s|--silent)\s+)?([\w:-]+)|(test|start)\b)/g)].map(
    ([, script, builtIn]) => script ?? builtIn ?? "",
  );

describe("the pages", () => {
  for (const page of PAGES) {
    it(`${page.path} has no broken links`, () => {
      for (const { target, anchor } of linksOf(page)) {
        assert.ok(existsSync(join(ROOT, target)), `there is no ${target}`);
        if (anchor !== undefined)
          assert.ok(anchorsOf(pageAt(target)).includes(anchor), `${target} has no #${anchor}`);
      }
    });

    it(`${page.path} names only files that exist`, () => {
      const folders = "src|test|docs|proto|migrations|scripts|clients|examples|bench|gen";
      const named = page.text.matchAll(new RegExp(`\`((?:${folders})/[^\`\\s]*)\``, "g"));
      // Relative to the root, or to the page's own folder.
      const places = [ROOT, join(ROOT, dirname(page.path))];
      for (const [, path = ""] of named) {
        const found = places.flatMap((cwd) => globSync(path.replace(/\/$/, ""), { cwd }));
        assert.notDeepEqual(found, [], `there is no ${path}`);
      }
    });
  }

  it("name only npm scripts that package.json has, as does CI", () => {
    const manifest = readFileSync(join(ROOT, "package.json"), "utf8");
    const { scripts } = JSON.parse(manifest) as { scripts: Record<string, string> };
    const ci = { path: ".ci/run", text: readFileSync(join(ROOT, ".ci/run"), "utf8") };
    const named = [...PAGES, ci].flatMap(({ path, text }) => scriptsIn(text).map((name) => ({ path, name })));
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter(({ name }) => !(name in scripts)),
      [],
    );
  });

  it("have their npm scripts found wherever they stand, also across a line break", () => {
    const text =
      "`npm run one`, npm run --silent two:2 and npm run -s three-3;\nrun npm\nrun four. npm test, npm ci";
    assert.deepEqual(scriptsIn(text), ["one", "two:2", "three-3", "four", "test"]);
  });

  it("are all reachable from the README", () => {
    const reached = linksOf(pageAt("README.md")).map(({ target }) => target);
    const others = PAGES.map(({ path }) => path).filter((path) => path !== "README.md");
    assert.deepEqual(
      others.filter((path) => !reached.includes(path)),
      [],
    );
  });
});

describe("the README", () => {
  it("fits on three screens", () => {
    const lines = pageAt("README.md").text.split("\n").length;
    assert.ok(lines <= README_LINES_MAX, `${lines} lines`);
  });
});

describe("docs/settings.md", () => {
  it("lists the settings of config.ts (npm run docs:settings rewrites it)", () => {
    const page = readFileSync(SETTINGS_PAGE, "utf8");
    assert.equal(page, withTable(page, settingsTable()));
  });
});

describe("docs/concepts.md", () => {
  /** The backquoted terms in the first column. */
  const firstColumn = (heading: string): string[] => {
    const { text } = pageAt("docs/concepts.md");
    const section = text.slice(text.indexOf(`\n## ${heading}\n`) + 1).split(/\n## /)[0] ?? "";
    return [...section.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = ""]) => cell.split(", "));
  };

  it("lists every call of the service in its table", () => {
    const calls = firstColumn("The calls");
    const missing = BudgetService.methods.map(({ name }) => name).filter((name) => !calls.includes(name));
    assert.deepEqual(missing, []);
  });

  it("lists every reason of an error in its table", () => {
    const reasons = firstColumn("Errors");
    const missing = Object.keys(ErrorReason).filter(
      (name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED" && !reasons.includes(name),
    );
    assert.deepEqual(missing, []);
  });
});
