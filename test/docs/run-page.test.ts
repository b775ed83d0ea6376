import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isShown } from "./markdown.ts";
import { runPage } from "./run-page.ts";

const SERVER = "http://127.0.0.1:8080/budget.v1.BudgetService";
const pageOf = (language: string, text: string) => ({
  path: "page.md",
  text: `# A page\n\n\`\`\`${language}\n${text}\n\`\`\`\n`,
});

suite("A page with a mistake fails", { concurrency: 2 }, () => {
  const wrong: [what: string, page: { path: string; text: string }, message: RegExp][] = [
    [
      "a command that prints something else",
      pageOf("console", `$ curl -s --json '{"project":"p"}' ${SERVER}/ListUsers\n{"budgets":[]}`),
      /ListUsers/,
    ],
    [
      "a command that is refused",
      pageOf("sh", `curl -s --json '{"project":"p","user":"nobody"}' ${SERVER}/GetBudget`),
      /no budget for user/,
    ],
    [
      "a call that does not exist",
      pageOf("sh", `curl -s --json '{"project":"p"}' ${SERVER}/GetEverything`),
      /GetEverything/,
    ],
    ["an npm script that does not exist", pageOf("sh", "npm run everything"), /npm run everything/],
    ["an option of curl that npm test cannot translate", pageOf("sh", "curl -X PUT http://h"), /curl -X/],
    ["a program with a type error", pageOf("ts", "const text: string = 1;"), /has type errors/],
    ["a program that fails", pageOf("ts", 'throw new Error("no");'), /page\.md:3/],
    [
      "a program that prints something else",
      { path: "page.md", text: "```ts\nconsole.log(1);\n```\n\n```text\n2\n```\n" },
      /page\.md:1/,
    ],
    ["a block in an unsupported language", pageOf("ruby", "puts 1"), /nothing is known of a block of "ruby"/],
  ];
  for (const [what, page, message] of wrong)
    test(what, () => assert.rejects(runPage(page), (error: Error) => message.test(error.message)));

  test("and an ellipsis stands for any text, but not for a missing part", () => {
    assert.ok(isShown('{"a":1,"b":2}\n', '{…"b":2}\n'));
    assert.ok(!isShown('{"a":1,"b":2}\n', '{…"b":3}\n'));
    assert.ok(!isShown('{"a":1,"b":2}\n', '{"a":1\n'));
  });
});
