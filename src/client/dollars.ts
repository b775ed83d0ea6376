import { dollarsFromNanoUsd, type NanoUsd, nanoUsdFromDollars } from "../domain/money.ts";

/** US dollars as numbers: at the surface of BudgetManager, and nowhere below it. */

/**
 * An amount as nano-USD. The number counts as the shortest decimal that reads back as it, so that 0.1 is one tenth; below
 * the ninth decimal it is rounded once, half away from zero.
 *
 * @param name Of the parameter, for the error.
 * @throws TypeError for what is no number; RangeError for NaN, an infinity, less than 0, or more than 64 bits hold.
 */
export function nanoUsdOf(name: string, dollars: number): NanoUsd {
  if (typeof dollars !== "number") throw new TypeError(`${name}: must be a number of US dollars`);
  const amount = nanoUsdFromDollars(dollars);
  if (amount === undefined || dollars < 0) {
    throw new RangeError(`${name}: must be an amount of US dollars from 0 to 9223372036, not ${dollars}`);
  }
  return amount;
}

/** The number nearest to an amount. */
export const dollarsOf = (amount: NanoUsd): number => Number.parseFloat(dollarsFromNanoUsd(amount));
