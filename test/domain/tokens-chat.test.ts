import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../src/domain/errors.ts";
import { countChat } from "../../src/domain/tokens.ts";

// The counts of single texts are those of tiktoken; "hello world" is 2 tokens: "hello" and " world".
const user = (content: unknown): unknown => ({ role: "user", content });
/** A chat of one user message takes 3 + "user" + 3 tokens, and its content. */
const AROUND = 3 + 1 + 3;

test("a message takes 3 tokens, a name 1, the reply 3, and each its text", () => {
  assert.equal(countChat("gpt-4o", []), 3);
  assert.equal(countChat("gpt-4o", [user("hello world")]), AROUND + 2);
  assert.equal(
    countChat("gpt-4o", [{ role: "user", name: "alice", content: "hello world" }]),
    AROUND + 2 + 1 + 1,
  );
  assert.equal(
    countChat("gpt-4o", [user("a"), { role: "assistant", content: "b" }]),
    3 + (3 + 1 + 1) + (3 + 1 + 1),
  );
});

const example = (name: string, content: string): unknown => ({ role: "system", name, content });

test("OpenAI's own example of six messages counts 124 with gpt-4o and 129 with gpt-4", () => {
  const messages = [
    {
      role: "system",
      content:
        "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    },
    example("example_user", "New synergies will help drive top-line growth."),
    example("example_assistant", "Things working well together will increase revenue."),
    example(
      "example_user",
      "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ),
    example("example_assistant", "Let's talk later when we're less busy about how to do better."),
    user("This late pivot means we don't have time to boil the ocean for the client deliverable."),
  ];
  assert.equal(countChat("gpt-4o", messages), 124);
  assert.equal(countChat("gpt-4", messages), 129);
});

test("the encoding may be named instead of a model", () => {
  const text = "Größenordnung 数据";
  assert.equal(countChat("cl100k_base", [user(text)]), AROUND + 6);
  assert.equal(countChat("o200k_base", [user(text)]), AROUND + 5);
});

test("missing content counts as empty text", () => {
  for (const content of [null, undefined, "", []]) assert.equal(countChat("gpt-4o", [user(content)]), AROUND);
});

test("the text parts of a content count like one text each", () => {
  const parts = [
    { type: "text", text: "hello" },
    { type: "input_text", text: " world" },
    { type: "refusal", refusal: "no" },
  ];
  assert.equal(countChat("gpt-4o", [user(parts)]), AROUND + 1 + 1 + 1);
});

test("a refusal beside the content of a message counts as text", () => {
  const refused = { role: "assistant", content: null, refusal: "I cannot help with that." };
  // "I", " cannot", " help", " with", " that", "."
  assert.equal(countChat("gpt-4o", [refused]), 3 + (3 + 1) + 6);
  assert.equal(countChat("gpt-4o", [{ ...refused, refusal: null }]), 3 + (3 + 1));
});

test("tool calls count their name and arguments, and 3 each", () => {
  const call = {
    id: "call_1",
    type: "function",
    function: { name: "get_weather", arguments: '{"city":"Oslo"}' },
  };
  const message = { role: "assistant", content: null, tool_calls: [call, call] };
  // "get", "_weather"; and '{"', 'city', '":"', 'O', 'slo', '"}'.
  const one = 3 + 2 + 6;
  assert.equal(countChat("gpt-4o", [message]), 3 + (3 + 1) + 2 * one);
  assert.equal(countChat("gpt-4o", [{ role: "assistant", function_call: call.function }]), 3 + (3 + 1) + one);
  const custom = { id: "call_2", type: "custom", custom: { name: "run", input: "ls" } };
  assert.equal(countChat("gpt-4o", [{ role: "assistant", tool_calls: [custom] }]), 3 + (3 + 1) + 3 + 1 + 1);
});

test("OpenAI's own example of a tool counts 101 with gpt-4o and 105 with gpt-4", () => {
  const tools = [
    {
      type: "function",
      function: {
        name: "get_current_weather",
        description: "Get the current weather in a given location",
        parameters: {
          type: "object",
          properties: {
            location: { type: "string", description: "The city and state, e.g. San Francisco, CA" },
            unit: {
              type: "string",
              description: "The unit of temperature to return",
              enum: ["celsius", "fahrenheit"],
            },
          },
          required: ["location"],
        },
      },
    },
  ];
  const messages = [
    {
      role: "system",
      content: "You are a helpful assistant that can answer to questions about the weather.",
    },
    user("What's the weather like in San Francisco?"),
  ];
  assert.equal(countChat("gpt-4o", messages, tools), 101);
  assert.equal(countChat("gpt-4", messages, tools), 105);
});

const toolOf = (properties: unknown): unknown => ({
  type: "function",
  function: { name: "f", parameters: { type: "object", properties } },
});

test("nested tool parameters count: objects and lists of objects", () => {
  const inner = { street: { type: "string" } };
  const flat = countChat("gpt-4o", [], [toolOf({ home: { type: "object" } })]);
  const nested = countChat("gpt-4o", [], [toolOf({ home: { type: "object", properties: inner } })]);
  // "street", ":string", ":"
  assert.equal(nested - flat, 3 + 3 + 3);
  const list = countChat(
    "gpt-4o",
    [],
    [toolOf({ home: { type: "array", items: { type: "object", properties: inner } } })],
  );
  assert.equal(list - countChat("gpt-4o", [], [toolOf({ home: { type: "array" } })]), nested - flat);
});

/** A message with an image. */
const image = (fields: Record<string, unknown>): unknown[] => [
  user([{ type: "image_url", image_url: { url: "https://pictures.example/1.png", ...fields } }]),
];

function refusedField(messages: unknown[], tools?: unknown[]): string {
  try {
    countChat("gpt-4o", messages, tools);
  } catch (error) {
    if (error instanceof Failure && error.error.reason === "INVALID_FIELD") return error.error.field;
    throw error;
  }
  return "not refused";
}

const deepSchema = (depth: number): unknown =>
  depth === 0 ? { type: "string" } : { type: "object", properties: { a: deepSchema(depth - 1) } };

const REFUSED: [field: string, messages: unknown[], tools?: unknown[]][] = [
  ["messages[0]", ["hello"]],
  ["messages[0]", [null]],
  ["messages[1].role", [user("hi"), { content: "hi" }]],
  ["messages[0].role", [{ role: 5, content: "hi" }]],
  ["messages[3].content", [user("a"), user("b"), user("c"), user(5)]],
  ["messages[0].content", [user({ text: "hi" })]],
  ["messages[0].content[1]", [user([{ type: "text", text: "a" }, "b"])]],
  ["messages[0].content[0].text", [user([{ type: "text" }])]],
  ["messages[0].content[0].type", [user([{ type: "file", file: { file_id: "f1" } }])]],
  ["messages[0].content[0].type", [user([{}])]],
  ["messages[0].content[0].image_url", [user([{ type: "image_url" }])]],
  ["messages[0].content[0].image_url.width", image({ width: -1, height: 2 })],
  ["messages[0].content[0].image_url.height", image({ width: 1 })],
  ["messages[0].name", [{ role: "user", content: "a", name: 5 }]],
  ["messages[0].refusal", [{ role: "assistant", refusal: 5 }]],
  ["messages[0].content[0].refusal", [user([{ type: "refusal" }])]],
  ["messages[0].function_call", [{ role: "assistant", function_call: "f" }]],
  [
    "messages[0].tool_calls[1].custom.name",
    [{ role: "assistant", tool_calls: [{ custom: { name: "f" } }, { custom: {} }] }],
  ],
  [
    "messages[0].tool_calls[0].custom.input",
    [{ role: "assistant", tool_calls: [{ custom: { name: "f", input: 5 } }] }],
  ],
  ["messages[0].content[0].image_url.width", image({ width: 0, height: 2 })],
  ["messages[0].content[0].image_url.width", image({ width: 1.5, height: 2 })],
  ["messages[0].content[0].image_url.height", image({ width: 2, height: 2 ** 31 })],
  ["tools[1].type", [], [{ type: "web_search" }, {}]],
  ["tools[0].custom", [], [{ type: "custom", custom: [] }]],
  ["tools[0].function.description", [], [{ type: "function", function: { name: "f", description: 5 } }]],
  ["messages[0].tool_calls", [{ role: "assistant", tool_calls: {} }]],
  ["messages[0].tool_calls[0].function", [{ role: "assistant", tool_calls: [{}] }]],
  [
    "messages[0].tool_calls[0].function.arguments",
    [{ role: "assistant", tool_calls: [{ function: { name: "f", arguments: {} } }] }],
  ],
  ["tools[0]", [], ["search"]],
  ["tools[0].function.name", [], [{ type: "function", function: {} }]],
  ["tools[0].function.parameters", [], [{ type: "function", function: { name: "f", parameters: [] } }]],
  [
    "tools[0].function.parameters.properties.a",
    [],
    [{ type: "function", function: { name: "f", parameters: { properties: { a: 5 } } } }],
  ],
];

for (const [field, messages, tools] of REFUSED) {
  test(`${JSON.stringify(tools ?? messages).slice(0, 90)} is refused, naming ${field}`, () => {
    assert.equal(refusedField(messages, tools), field);
  });
}

test("a schema may be nested 100 deep, and not 101, through objects and through lists", () => {
  const listSchema = (depth: number): unknown =>
    depth === 0
      ? { type: "string" }
      : { type: "array", items: { type: "object", properties: { a: listSchema(depth - 1) } } };
  const lists = (depth: number) => ({ type: "object", properties: { a: listSchema(depth - 1) } });
  for (const [schema, path] of [
    [deepSchema, ".properties.a"],
    [lists, ".properties.a.items"],
  ] as const) {
    const tools = (depth: number) => [
      { type: "function", function: { name: "f", parameters: schema(depth) } },
    ];
    // Each level: 3 for its object, 3 for its property, and 4 for the text "a:object:" or "a:array:", the last 3 for
    // "a:string:". The tool: 12, 7, and 2 for "f:".
    assert.equal(countChat("gpt-4o", [], tools(100)), 3 + 12 + 7 + 2 + 100 * (3 + 3) + 99 * 4 + 3);
    assert.equal(refusedField([], tools(101)), `tools[0].function.parameters${path.repeat(100)}`);
  }
});

test("a schema with endless nesting is refused without a stack overflow", () => {
  const tools = [{ type: "function", function: { name: "f", parameters: deepSchema(5000) } }];
  assert.match(refusedField([], tools), /^tools\[0\]\.function\.parameters\.properties\.a/);
});
