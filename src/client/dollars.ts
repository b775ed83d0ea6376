import { dollarsFromNanoUsd, type NanoUsd, nanoUsdFromDollars } from "../domain/money.ts";

/** US dollars as numbers. Only the public interface of BudgetManager uses them; all other code uses nano-USD. */

/**
 * Converts US dollars to nano-USD. The number is read as the shortest decimal that reads back as the same number, so
 * 0.1 is one tenth. Below the ninth decimal it is rounded once, half away from zero.
 *
 * @param name The name of the parameter, for the error.
 * @throws TypeError for a value that is not a number; RangeError for NaN, an infinity, an amount below 0, or one that
 *   does not fit in 64 bits.
 */
export function nanoUsdOf(name: string, dollars: number): NanoUsd {
  if (typeof dollars !== "number") throw new TypeError(`${name}: must be a number of US dollars`);
  const amount = nanoUsdFromDollars(dollars);
  if (amount === undefined || dollars < 0) {
    throw new RangeError(`${name}: must be an amount of US dollars from 0 to 9223372036, not ${dollars}`);
  }
  return amount;
}

/** The number of US dollars nearest to an amount in nano-USD. */
export const dollarsOf = (amount: NanoUsd): number => Number.parseFloat(dollarsFromNanoUsd(amount));
