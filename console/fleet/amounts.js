/** Numbers of the fleet in words. What the environment does not know is called so, and is never a zero. */
import { TEXT } from "../strings.js";

/** @param {number | null | undefined} value @param {number} [digits] Digits after the point at most. */
export function asNumber(value, digits = 1) {
  if (value === null || value === undefined) return TEXT.fleet.unknown;
  return new Intl.NumberFormat("en-GB", { maximumFractionDigits: digits }).format(value);
}

/** @param {number | null | undefined} share From 0 to 1. */
export function asPercent(share) {
  return share === null || share === undefined ? TEXT.fleet.unknown : `${Math.round(share * 100)} %`;
}

/** @param {number | null | undefined} amount @param {string} [currency] ISO code. */
export function asMoney(amount, currency = "USD") {
  if (amount === null || amount === undefined) return TEXT.fleet.unknown;
  return new Intl.NumberFormat("en-GB", { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(amount);
}
