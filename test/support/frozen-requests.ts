import type { MessageInitShape } from "@bufbuild/protobuf";
import { Duration, PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import type {
  CallEstimateSchema,
  CreateBudgetRequestSchema,
  RefundCostRequestSchema,
  ReserveCostRequestSchema,
  ResetCostRequestSchema,
  UpdateCostRequestSchema,
} from "../../gen/es/budget/v1/budget_service_pb.ts";
import { OnExpiry } from "../../gen/es/budget/v1/reservation_pb.ts";
import { FROZEN_CHARGES } from "./frozen-charges.ts";

/** A request, less the project and request id, which do not count. */
export type FrozenRequest = (
  | { call: "updateCost"; init: MessageInitShape<typeof UpdateCostRequestSchema> }
  | { call: "reserveCost"; init: MessageInitShape<typeof ReserveCostRequestSchema> }
  | { call: "refundCost"; init: MessageInitShape<typeof RefundCostRequestSchema> }
  | { call: "resetCost"; init: MessageInitShape<typeof ResetCostRequestSchema> }
  | { call: "createBudget"; init: MessageInitShape<typeof CreateBudgetRequestSchema> }
) & {
  what: string;
  /** As a server stored it before version 2: taken from the database of such a server. */
  v1: string;
  v2: string;
};

const user = "alice";
const model = "gpt-4o";

const HOLD = { user, model, amount: { case: "costNanoUsd", value: 500n } } as const;
const TEXT = "How are you?";
const BOB = { user: "bob", totalBudgetNanoUsd: 10_000n };
const estimate = (value: MessageInitShape<typeof CallEstimateSchema>) =>
  ({ case: "estimate", value }) as const;

/**
 * Concrete requests with their fingerprints. Never change a fingerprint of this table, because databases contain it. When a
 * message gets a field, add a request that sets it. The project of a request needs the budgets alice and team, and the charge
 * c-1 and reservation r-1 of alice.
 */
export const FROZEN_REQUESTS: readonly FrozenRequest[] = [
  ...FROZEN_CHARGES,
  {
    what: "an amount to hold",
    call: "reserveCost",
    init: { ...HOLD },
    v1: "0gVTVGjz_L6-ofmVYCYAAW",
    v2: "2.nq2v8i3ee3r0BzJaXAP3gZ",
  },
  {
    what: "nothing to hold",
    call: "reserveCost",
    init: { user, model, amount: { case: "costNanoUsd", value: 0n } },
    v1: "XjScDW4SqHust_NOO3yt7j",
    v2: "2.ETOfFmJE9JHmHIb8C6hk_h",
  },
  {
    what: "an amount to hold, with what is the default spelt out",
    call: "reserveCost",
    init: { ...HOLD, ttl: { seconds: 600n }, onExpiry: OnExpiry.RELEASE },
    v1: "0gVTVGjz_L6-ofmVYCYAAW",
    v2: "2.nq2v8i3ee3r0BzJaXAP3gZ",
  },
  {
    what: "an amount to hold for 30.5 s, charged on expiry",
    call: "reserveCost",
    init: { ...HOLD, ttl: { seconds: 30n, nanos: 500_000_000 }, onExpiry: OnExpiry.CHARGE },
    v1: "1e0-hGSrmbM9z47_8LDfL7",
    v2: "2.HRIHqygjJWeFdZU6W89tTI",
  },
  {
    what: "an estimate of a text",
    call: "reserveCost",
    init: { user, model, amount: estimate({ text: TEXT, maxOutputTokens: 64n }) },
    v1: "jiuOvj9jLg9hB1EwBbSP7a",
    v2: "2.x-XK9rg10mN_ot1C35no05",
  },
  {
    what: "an estimate without a maximum",
    call: "reserveCost",
    init: { user, model, amount: estimate({ text: TEXT }) },
    v1: "IW8DGCpH_9R37qgAm70UAf",
    v2: "2.jqMCpasmNVe2LEPX469DNt",
  },
  {
    what: "an estimate with a maximum of 0",
    call: "reserveCost",
    init: { user, model, amount: estimate({ text: TEXT, maxOutputTokens: 0n }) },
    v1: "rSBRsxvGCchErP9DiufMH_",
    v2: "2.VCKisneVbP6ypOnEuEgYGE",
  },
  {
    what: "an estimate of a chat with tools",
    call: "reserveCost",
    init: {
      user,
      model,
      amount: {
        case: "estimate",
        value: {
          messages: [
            { role: "system", content: "" },
            { role: "user", content: "Hi" },
          ],
          tools: [
            { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } },
          ],
          maxOutputTokens: 100n,
        },
      },
    },
    v1: "BaO5ZIUr7Q49FFJLS9E1ql",
    v2: "2.IEntjwpbmGo2BlTkhVgxdz",
  },
  {
    what: "a refund of all",
    call: "refundCost",
    init: { chargeRequestId: "c-1" },
    v1: "qaUvw5xTynaFVFIMKUKEB5",
    v2: "2.j_oN7AbGOjvtGyRfnp9LTF",
  },
  {
    what: "a refund of a part",
    call: "refundCost",
    init: { chargeRequestId: "c-1", amountNanoUsd: 3n },
    v1: "55wFcKYJ4ge_7ZIy_ugPcL",
    v2: "2.tc8cYZgSNq5gqDZQJOzgCm",
  },
  {
    what: "a reset",
    call: "resetCost",
    init: { user },
    v1: "hU28TkUWQyATftr2Zx3YA-",
    v2: "2.VU49BurkssJqL8ewa8cgRK",
  },
  {
    what: "a budget",
    call: "createBudget",
    init: { ...BOB },
    v1: "57CWdbntLqvIVkYp7qVXaj",
    v2: "2.KFJhlM3TnmR1APv718aQY9",
  },
  {
    what: "a budget of zero",
    call: "createBudget",
    init: { user: "bob" },
    v1: "33qdoQ8wKvGsD9ylhdHMR-",
    v2: "2.ne_398Q7ydiYCYZv3D3T8j",
  },
  {
    what: "a budget with a duration",
    call: "createBudget",
    init: { ...BOB, duration: Duration.MONTHLY },
    v1: "cximhlYbAb8n7rQJIKSTe2",
    v2: "2.NC8tl-wqWXaGO3fEzPi68o",
  },
  {
    what: "a budget with a period",
    call: "createBudget",
    init: {
      ...BOB,
      period: {
        unit: PeriodUnit.WEEK,
        count: 2,
        timeZone: "Europe/Berlin",
        anchor: { seconds: 1_700_000_000n, nanos: 250_000_000 },
      },
    },
    v1: "hkno4YWQ_KtBXrnjZllMOD",
    v2: "2.OX59MWe1yLBVpXfgU6WEX_",
  },
  {
    what: "a budget with a period of few fields",
    call: "createBudget",
    init: { ...BOB, period: { unit: PeriodUnit.DAY, count: 1 } },
    v1: "uSnnEDLH3qQDijEn0_9D48",
    v2: "2.mhMuNZW2PdvWd_VYljB0Oa",
  },
  {
    what: "a budget with a parent",
    call: "createBudget",
    init: { ...BOB, parent: "team" },
    v1: "UoroxEzpiUdpQnf0oxmRM5",
    v2: "2.dBsMPqvDKA6St97L59qn90",
  },
  {
    what: "a budget with limits",
    call: "createBudget",
    init: {
      ...BOB,
      modelLimits: [
        { model: "gpt-4o*", limitNanoUsd: 5_000n },
        { model: "o1", limitNanoUsd: 0n },
      ],
    },
    v1: "54gNrmAfrmS6Q9IQkp50On",
    v2: "2.Z5GVGrH0FeB0itfeKRj8Tt",
  },
  {
    what: "a budget with everything",
    call: "createBudget",
    init: {
      ...BOB,
      period: { unit: PeriodUnit.MONTH, count: 1, timeZone: "UTC", anchor: {} },
      parent: "team",
      modelLimits: [{ model: "o1", limitNanoUsd: 7n }],
    },
    v1: "9ctFqvRBPQrNI5pgvrppeg",
    v2: "2.Cqx_jpeFSPWiK8A1wo-AzY",
  },
];
