// Conditions of IAM bindings, as far as they speak of the port that a tunnel goes to:
// `destination.port == 8888`, compared and joined with && and ||. What else IAP knows is refused as not emulated.
// https://cloud.google.com/iap/docs/using-tcp-forwarding#tunneling_with_conditions
import { notEmulated, rpcError } from '../google-error.ts';

/** Whether the condition holds for a tunnel to that port. */
export type Condition = (port: number) => boolean;

const COMPARISONS: Readonly<Record<string, (port: number, bound: number) => boolean>> = {
  '==': (port, bound) => port === bound,
  '!=': (port, bound) => port !== bound,
  '<=': (port, bound) => port <= bound,
  '>=': (port, bound) => port >= bound,
  '<': (port, bound) => port < bound,
  '>': (port, bound) => port > bound,
};

/** Attributes of IAP's conditions beside the port. */
const OTHER_ATTRIBUTES =
  /\b(destination\.(ip|region|fqdn)|request\.(time|host|path)|levels|resource)\b/;

/** @throws GoogleError for what is no condition, and for what the emulator does not know */
export function parseCondition(expression: string): Condition {
  if (expression.trim() === '') throw invalid('The expression is empty.');
  if (OTHER_ATTRIBUTES.test(expression)) throw notEmulated(`the IAM condition '${expression}'`);
  const alternatives = expression
    .split('||')
    .map((part) => part.split('&&').map((comparison) => parseComparison(comparison)));
  return (port) => alternatives.some((all) => all.every((holds) => holds(port)));
}

function parseComparison(text: string): Condition {
  const match = /^\s*destination\.port\s*(==|!=|<=|>=|<|>)\s*(\d{1,9})\s*$/.exec(text);
  const compare = COMPARISONS[match?.[1] ?? ''];
  if (!match || !compare)
    throw invalid(`'${text.trim()}' is not a comparison of destination.port.`);
  const bound = Number(match[2]);
  return (port) => compare(port, bound);
}

function invalid(why: string) {
  return rpcError('INVALID_ARGUMENT', `Condition expression compilation failed. ${why}`);
}
