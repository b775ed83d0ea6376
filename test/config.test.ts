import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Config, ConfigError, loadConfig, SETTINGS } from "../src/config.ts";

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

type NumberSetting = {
  [Name in keyof Config]: Config[Name] extends number ? Name : never;
}[keyof Config];

const BOUNDS: readonly (readonly [name: NumberSetting, min: number, max: number])[] = [
  ["GRPC_PORT", 0, 65_535],
  ["HTTP_PORT", 0, 65_535],
  ["DATABASE_CONNECTIONS_MAX", 3, 1_000],
  ["DATABASE_RETRY_MS_MAX", 0, 600_000],
  ["DATABASE_TIMEOUT_MS", 100, 600_000],
  ["PRICES_REFRESH_MS", 0, 3_600_000],
  ["PROJECT_PRICES_MAX", 1, 100_000],
  ["WORKERS", 1, 64],
  ["REQUEST_BYTES_MAX", 1_024, 67_108_864],
  ["LEGACY_BYTES_MAX", 1_024, 201_326_592],
  ["REQUEST_BYTES_IN_FLIGHT_MAX", 2_097_152, 17_179_869_184],
  ["REQUEST_RECEIVE_MS_MAX", 100, 3_600_000],
  ["CONNECTIONS_MAX", 1, 1_000_000],
  ["KEEPALIVE_MS", 100, 3_600_000],
  ["ENGINE_BATCH_OPERATIONS_MAX", 1, 10_000],
  ["ENGINE_BATCHES_IN_FLIGHT_MAX", 1, 64],
  ["ENGINE_QUEUE_OPERATIONS_MAX", 1, 1_000_000],
  ["SWEEP_INTERVAL_MS", 100, 86_400_000],
  ["WATCH_POLL_MS", 100, 86_400_000],
  ["SWEEP_BATCH_BUDGETS_MAX", 1, 10_000],
  ["LEGACY_SESSION_DAYS", 1, 3_650],
  ["TOKEN_THREADS", 1, 64],
  ["TOKEN_QUEUE_JOBS_MAX", 4_000, 1_000_000],
  ["TOKEN_QUEUE_BYTES_MAX", 2_097_152, 68_719_476_736],
  ["SHUTDOWN_GRACE_MS", 0, 600_000],
];

suite("The settings", () => {
  test("have their defaults if the environment sets none", () => {
    assert.deepEqual(loadConfig({}), {
      HOST: "127.0.0.1",
      GRPC_PORT: 50051,
      HTTP_PORT: 8080,
      HTTP_HOSTS: [],
      CORS_ORIGINS: [],
      TLS_CERT_FILE: undefined,
      TLS_KEY_FILE: undefined,
      TLS_CLIENT_CA_FILE: undefined,
      PURSER_OPERATOR_KEY: undefined,
      INSECURE: "0",
      AUTH_JWKS_URL: undefined,
      AUTH_JWT_ISSUER: undefined,
      AUTH_JWT_AUDIENCE: undefined,
      DATABASE_URL: undefined,
      DATABASE_CONNECTIONS_MAX: 10,
      DATABASE_RETRY_MS_MAX: 10_000,
      DATABASE_TIMEOUT_MS: 5_000,
      DATA_DIR: "./data",
      PRICES_FILE: undefined,
      PRICES_REFRESH_MS: 1_000,
      PROJECT_PRICES_MAX: 1_000,
      WORKERS: 1,
      LOG_LEVEL: "info",
      REQUEST_BYTES_MAX: 4_194_304,
      LEGACY_BYTES_MAX: 33_554_432,
      REQUEST_BYTES_IN_FLIGHT_MAX: 67_108_864,
      REQUEST_RECEIVE_MS_MAX: 30_000,
      CONNECTIONS_MAX: 10_000,
      KEEPALIVE_MS: 20_000,
      ENGINE_BATCH_OPERATIONS_MAX: 1_000,
      ENGINE_BATCHES_IN_FLIGHT_MAX: 2,
      ENGINE_QUEUE_OPERATIONS_MAX: 20_000,
      SWEEP_INTERVAL_MS: 60_000,
      WATCH_POLL_MS: 2_000,
      SWEEP_BATCH_BUDGETS_MAX: 500,
      LEGACY_SESSION_DAYS: 90,
      TOKEN_THREADS: 1,
      TOKEN_QUEUE_JOBS_MAX: 20_000,
      TOKEN_QUEUE_BYTES_MAX: 536_870_912,
      SHUTDOWN_GRACE_MS: 10_000,
    });
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
      REQUEST_BYTES_MAX: ["1024", "33554432"],
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
    const refused: Record<string, readonly [allowed: string, ...texts: string[]]> = {
      HOST: ["an IP address or a host name", "a host", "http://x", "a/b", "a".repeat(256)],
      GRPC_PORT: [
        "a whole number from 0 to 65535",
        "-1",
        "65536",
        "1.5",
        "1e3",
        "0x10",
        " 80",
        "80 ",
        "eighty",
        "99999999999999999999",
      ],
      HTTP_PORT: ["a whole number from 0 to 65535", "NaN"],
      DATABASE_URL: [
        "a URL such as postgres://user:password@host:5432/database",
        "host/db",
        "mysql://host/db",
        "postgres://",
        "postgres://ho st/db",
        "xpostgres://host/db",
      ],
      DATA_DIR: ["the path of a folder", "a\0b", "a".repeat(4097)],
      PRICES_FILE: ["the path of a file", "a\0b", "a".repeat(4097)],
      LOG_LEVEL: ["one of trace, debug, info, warn, error, fatal, silent", "verbose", "INFO"],
    };
    for (const [name, [allowed, ...texts]] of Object.entries(refused)) {
      for (const text of texts) {
        assert.equal(
          complaint({ [name]: text }),
          `${name}=${JSON.stringify(text)} is not allowed: it must be ${allowed}`,
        );
      }
    }
  });

  for (const [name, min, max] of BOUNDS) {
    test(`accept ${name} from ${min} to ${max}, and refuse all other text`, () => {
      // Settings that would refuse a bound of another one.
      const others = {
        DATABASE_CONNECTIONS_MAX: "1000",
        DATABASE_URL: "postgres://host/db",
        REQUEST_BYTES_MAX: "1048576",
        LEGACY_BYTES_MAX: "1048576",
        REQUEST_BYTES_IN_FLIGHT_MAX: "402653184",
      };
      for (const bound of [min, max]) {
        assert.equal(loadConfig({ ...others, [name]: String(bound) })[name], bound);
      }
      for (const beyond of ["many", String(max + 1), String(min - 1)]) {
        assert.equal(
          complaint({ ...others, [name]: beyond }),
          `${name}=${JSON.stringify(beyond)} is not allowed: it must be a whole number from ${min} to ${max}`,
        );
      }
    });
  }

  test("have bounds in this table for every number", () => {
    const numbers = Object.entries(loadConfig({})).filter(([, value]) => typeof value === "number");
    assert.deepEqual(BOUNDS.map(([name]) => name).toSorted(), numbers.map(([name]) => name).toSorted());
  });

  test("are lists with commas between the items, in lower case and without spaces", () => {
    const { HTTP_HOSTS, CORS_ORIGINS } = loadConfig({
      HTTP_HOSTS: "Purser.Example.com, purser,::1",
      CORS_ORIGINS: "https://App.example.com:8443 , http://localhost:3000",
    });
    assert.deepEqual(HTTP_HOSTS, ["purser.example.com", "purser", "::1"]);
    assert.deepEqual(CORS_ORIGINS, ["https://app.example.com:8443", "http://localhost:3000"]);
    for (const hosts of ["a.example:8080", "https://a.example", "a,,b", "a b", ","]) {
      assert.match(complaint({ HTTP_HOSTS: hosts }), /^HTTP_HOSTS=.*host names without ports/, hosts);
    }
    for (const origins of ["app.example.com", "https://a.example/", "*", "https://a.example,"]) {
      assert.match(complaint({ CORS_ORIGINS: origins }), /^CORS_ORIGINS=.*origins such as/, origins);
    }
  });

  test("leave room for two of the largest requests among all requests in flight", () => {
    for (const name of ["REQUEST_BYTES_MAX", "LEGACY_BYTES_MAX"]) {
      assert.equal(
        complaint({ [name]: "33554433", REQUEST_BYTES_IN_FLIGHT_MAX: "67108864" }),
        `${name}="33554433" is not allowed: it must be at most half of REQUEST_BYTES_IN_FLIGHT_MAX (67108864)`,
      );
      loadConfig({ [name]: "33554432", REQUEST_BYTES_IN_FLIGHT_MAX: "67108864" });
    }
  });

  test("leave a connection for reads while batches are in flight", () => {
    assert.equal(
      complaint({ DATABASE_CONNECTIONS_MAX: "4", ENGINE_BATCHES_IN_FLIGHT_MAX: "4" }),
      'ENGINE_BATCHES_IN_FLIGHT_MAX="4" is not allowed: it must be fewer than DATABASE_CONNECTIONS_MAX (4)',
    );
  });

  test("leave room for a whole request in the queue of texts, and keep as much again free for other callers", () => {
    const large = { REQUEST_BYTES_MAX: "67108864", REQUEST_BYTES_IN_FLIGHT_MAX: "134217728" };
    assert.equal(
      complaint({ ...large, TOKEN_QUEUE_BYTES_MAX: "134217727" }),
      'TOKEN_QUEUE_BYTES_MAX="134217727" is not allowed: it must be at least twice REQUEST_BYTES_MAX (67108864), because a project may hold only as much as it leaves free',
    );
    assert.equal(loadConfig(large).TOKEN_QUEUE_BYTES_MAX, 536_870_912);
  });

  test("refuse several workers on the embedded store, which only one process can use", () => {
    assert.equal(
      complaint({ WORKERS: "2" }),
      'WORKERS="2" is not allowed: it must be 1 without DATABASE_URL, because only one process may use the embedded store',
    );
    assert.equal(loadConfig({ WORKERS: "2", DATABASE_URL: "postgres://host/db" }).WORKERS, 2);
  });

  test("have a certificate and its key together, and client certificates only with both", () => {
    const missing = (name: string, given: string) =>
      `${name}="" is not allowed: it must be given, because ${given} is`;
    assert.equal(complaint({ TLS_CERT_FILE: "/c" }), missing("TLS_KEY_FILE", "TLS_CERT_FILE"));
    assert.equal(complaint({ TLS_KEY_FILE: "/k" }), missing("TLS_CERT_FILE", "TLS_KEY_FILE"));
    assert.equal(
      complaint({ TLS_CLIENT_CA_FILE: "/ca" }),
      'TLS_CLIENT_CA_FILE="/ca" is not allowed: it must be absent without TLS_CERT_FILE and TLS_KEY_FILE',
    );
    loadConfig({ TLS_CERT_FILE: "/c", TLS_KEY_FILE: "/k", TLS_CLIENT_CA_FILE: "/ca" });
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
