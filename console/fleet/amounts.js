/** Numbers of the fleet in words. What the environment does not know is called so, and is never a zero. */
import { TEXT } from "../strings.js";

/** @param {number | null | undefined} value */
export function asNumber(value) {
  if (value === null || value === undefined) return TEXT.fleet.unknown;
  return new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 }).format(value);
}

/** @param {number | null} value Count of events. A period without an event has no value. */
export function asCount(value) {
  return asNumber(value ?? 0);
}

/** @param {number | null | undefined} share From 0 to 1. */
export function asPercent(share) {
  return share === null || share === undefined ? TEXT.fleet.unknown : `${Math.round(share * 100)} %`;
}

/** @param {number | null | undefined} amount In dollars. */
export function asMoney(amount) {
  if (amount === null || amount === undefined) return TEXT.fleet.unknown;
  return new Intl.NumberFormat("en-GB", { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" }).format(amount);
}

/** @param {(number | null)[]} values @returns {number | null} Sum of the known values, or null if none is known. */
export function sumOf(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}
