import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigError, loadConfig, SETTINGS } from "../src/config.ts";

/** The line with which a bad environment stops the start. */
function complaint(environment: Record<string, string>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  return assert.fail("the settings were accepted");
}

suite("The settings", () => {
  test("have their defaults if the environment sets none", () => {
    assert.deepEqual(
      loadConfig({}),
      Object.fromEntries(Object.entries(SETTINGS).map(([name, setting]) => [name, setting.default])),
    );
    const { HOST, GRPC_PORT, HTTP_PORT, DATABASE_URL, DATA_DIR } = loadConfig({});
    assert.deepEqual(
      [HOST, GRPC_PORT, HTTP_PORT, DATABASE_URL, DATA_DIR],
      ["127.0.0.1", 50051, 8080, undefined, "./data"],
    );
  });

  test("treat an empty variable as absent, as container files write it", () => {
    const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, ""]));
    assert.deepEqual(loadConfig(empty), loadConfig({}));
  });

  test("ignore other variables", () => {
    assert.deepEqual(loadConfig({ PATH: "/bin", GRPC_PORTS: "x" }), loadConfig({}));
  });

  test("are read once, and cannot be changed", () => {
    assert.ok(Object.isFrozen(loadConfig({})));
  });

  test("accept every allowed value, both bounds included", () => {
    const taken: Record<string, string[]> = {
      HOST: ["0.0.0.0", "::1", "localhost"],
      GRPC_PORT: ["0", "65535"],
      DATABASE_URL: ["postgres://u:p@host:5432/db", "postgresql://host/db?sslmode=require"],
      DATABASE_CONNECTIONS_MAX: ["3", "1000"],
      DATA_DIR: ["/var/lib/purser", "data with spaces"],
      LOG_LEVEL: ["trace", "silent"],
      REQUEST_BYTES_MAX: ["1024", "67108864"],
      SHUTDOWN_GRACE_MS: ["0", "600000"],
    };
    for (const [name, texts] of Object.entries(taken)) {
      for (const text of texts) {
        const config: Record<string, unknown> = loadConfig({ [name]: text });
        assert.equal(String(config[name]), text);
      }
    }
  });

  test("name the variable, the value and what is allowed if a value is refused", () => {
    const refused: Record<string, string[]> = {
      HOST: ["a host", "http://x", "a/b"],
      GRPC_PORT: ["-1", "65536", "1.5", "1e3", "0x10", " 80", "80 ", "eighty", "99999999999999999999"],
      HTTP_PORT: ["NaN"],
      DATABASE_URL: ["host/db", "mysql://host/db", "postgres://", "postgres://ho st/db"],
      DATABASE_CONNECTIONS_MAX: ["2", "1001"],
      DATA_DIR: ["a\0b"],
      LOG_LEVEL: ["verbose", "INFO"],
      REQUEST_BYTES_MAX: ["1023", "67108865"],
      ENGINE_BATCH_OPERATIONS_MAX: ["0"],
      SWEEP_INTERVAL_MS: ["99"],
      SHUTDOWN_GRACE_MS: ["-1"],
    };
    for (const [name, texts] of Object.entries(refused)) {
      for (const text of texts) {
        const { allowed } = SETTINGS[name as keyof typeof SETTINGS];
        assert.equal(
          complaint({ [name]: text }),
          `${name}=${JSON.stringify(text)} is not allowed: it must be ${allowed}`,
        );
      }
    }
  });

  test("refuse, for every number, text that is not a number and values out of bounds", () => {
    for (const [name, setting] of Object.entries(SETTINGS)) {
      const bounds = /^a whole number from (\d+) to (\d+)$/.exec(setting.allowed);
      if (bounds === null) continue;
      const [, min = "", max = ""] = bounds;
      const others = {
        DATABASE_CONNECTIONS_MAX: "1000",
        DATABASE_URL: "postgres://host/db",
        REQUEST_BYTES_MAX: "1048576",
      };
      for (const bound of [min, max]) {
        const config: Record<string, unknown> = loadConfig({ ...others, [name]: bound });
        assert.equal(config[name], Number(bound));
      }
      for (const beyond of ["many", String(Number(max) + 1), String(Number(min) - 1)]) {
        assert.match(complaint({ ...others, [name]: beyond }), new RegExp(`^${name}=`));
      }
    }
  });

  test("leave a connection for reads while batches are in flight", () => {
    assert.equal(
      complaint({ DATABASE_CONNECTIONS_MAX: "4", ENGINE_BATCHES_IN_FLIGHT_MAX: "4" }),
      'ENGINE_BATCHES_IN_FLIGHT_MAX="4" is not allowed: it must be fewer than DATABASE_CONNECTIONS_MAX (4)',
    );
  });

  test("leave room for a whole request in the queue of texts, and keep as much again free for other callers", () => {
    assert.equal(
      complaint({ REQUEST_BYTES_MAX: "67108864", TOKEN_QUEUE_BYTES_MAX: "134217727" }),
      'TOKEN_QUEUE_BYTES_MAX="134217727" is not allowed: it must be at least twice REQUEST_BYTES_MAX (67108864), because a project may hold only as much as it leaves free',
    );
    assert.equal(loadConfig({ REQUEST_BYTES_MAX: "67108864" }).TOKEN_QUEUE_BYTES_MAX, 536_870_912);
  });

  test("refuse several workers on the embedded store, which only one process can use", () => {
    assert.equal(
      complaint({ WORKERS: "2" }),
      'WORKERS="2" is not allowed: it must be 1 without DATABASE_URL, because only one process may use the embedded store',
    );
    assert.equal(loadConfig({ WORKERS: "2", DATABASE_URL: "postgres://host/db" }).WORKERS, 2);
  });

  test("print a bad URL without a password unchanged", () => {
    assert.match(complaint({ DATABASE_URL: "mysql://host:5432/db" }), /"mysql:\/\/host:5432\/db"/);
  });

  test("never print a password, wherever it is in a URL", () => {
    for (const url of [
      "mysql://user:s3cret@host/db",
      "postgres://user:s3cret@ho st/db",
      "postgres://user:s3c@s3cret@ho st/db",
      "postgres://user:s3/cret:s3cret@ho st/db",
      "postgres://host /db?user=u&password=s3cret",
      "postgres://user:s3cret",
      "postgres://user:s3cret/db",
    ]) {
      assert.doesNotMatch(complaint({ DATABASE_URL: url }), /s3/, url);
    }
  });
});
