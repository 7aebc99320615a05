// The `filter` of builds.list: fields in snake case, `=` and `!=` on texts, order on times.
// https://cloud.google.com/build/docs/view-build-results#filtering_build_results_using_queries
import { parseExpression, type Predicate, type Token } from '../filter-expression.ts';
import { rpcError } from '../google-error.ts';
import type { Build } from './state.ts';

const TEXTS: Readonly<Record<string, (build: Build) => readonly string[]>> = {
  build_id: ({ id }) => [id],
  project_id: ({ projectId }) => [projectId],
  status: ({ status }) => [status],
  tags: ({ tags = [] }) => tags,
  images: ({ images = [] }) => images,
  'results.images.name': ({ results }) => (results?.images ?? []).map(({ name }) => name),
  'results.images.digest': ({ results }) => (results?.images ?? []).map(({ digest }) => digest),
};

const TIMES: Readonly<Record<string, (build: Build) => string | undefined>> = {
  create_time: ({ createTime }) => createTime,
  start_time: ({ startTime }) => startTime,
  finish_time: ({ finishTime }) => finishTime,
};

export function parseBuildFilter(filter: string): Predicate<Build> {
  if (filter.trim() === '') return () => true;
  try {
    return parseExpression(filter, compare);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw rpcError('INVALID_ARGUMENT', `invalid filter "${filter}": ${error.message}`);
  }
}

function compare(
  path: readonly string[],
  { text: operator }: Token,
  operand: string,
): Predicate<Build> {
  const field = path.join('.');
  const texts = TEXTS[field];
  if (texts && operator === '=') return (build) => texts(build).includes(operand);
  if (texts && operator === '!=') return (build) => !texts(build).includes(operand);
  const time = TIMES[field];
  const at = Date.parse(operand);
  if (!time || Number.isNaN(at)) throw new SyntaxError(`no comparison of ${field} by ${operator}`);
  const isOrdered = order(operator);
  return (build) => {
    const value = time(build);
    return value !== undefined && isOrdered(Date.parse(value), at);
  };
}

function order(operator: string): (left: number, right: number) => boolean {
  switch (operator) {
    case '=':
      return (left, right) => left === right;
    case '<':
      return (left, right) => left < right;
    case '<=':
      return (left, right) => left <= right;
    case '>':
      return (left, right) => left > right;
    case '>=':
      return (left, right) => left >= right;
    default:
      throw new SyntaxError(`no operator ${operator}`);
  }
}
