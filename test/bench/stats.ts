import type { ProcessorTime } from './processor-time.ts';

/** One line of the printed table and of the JSON file. */
export interface Figure {
  name: string;
  unit: string;
  value: number;
  /** What the same run's floor did; absent where a figure has none. */
  floor?: number;
  /** Value over floor: the median of the rounds' ratios, and the lowest and highest of them. */
  ratio?: { median: number; lowest: number; highest: number };
  goal?: { atLeast: number } | { atMost: number };
  /** Whether the goal is about the ratio; else it is about the value. */
  goalOf?: 'ratio' | 'value';
}

/** The value below which the share `p` (0 to 1) of the samples lies: the nearest rank. NaN where there is none. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(p * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** The figure of rounds that measured ours and the floor one right after the other. */
export function figureOfRounds(
  name: string,
  unit: string,
  rounds: readonly { ours: number; floor: number }[],
  goalRatio?: number,
): Figure {
  const ratios = rounds.map(({ ours, floor }) => ours / floor);
  return {
    name,
    unit,
    value: median(rounds.map(({ ours }) => ours)),
    floor: median(rounds.map(({ floor }) => floor)),
    ratio: {
      median: median(ratios),
      lowest: Math.min(...ratios),
      highest: Math.max(...ratios),
    },
    ...(goalRatio === undefined ? {} : { goal: { atLeast: goalRatio }, goalOf: 'ratio' as const }),
  };
}

/** Processor time for each event or join: ours against the floor, and ours by process. */
export function processorFigures(
  name: string,
  rounds: readonly { ours: ProcessorTime; floor: ProcessorTime }[],
): Figure[] {
  const all = rounds.flatMap(({ ours, floor }) =>
    ours['all'] === undefined || floor['all'] === undefined
      ? []
      : [{ ours: ours['all'], floor: floor['all'] }],
  );
  if (all.length === 0) return [];
  const names = Object.keys(rounds[0]?.ours ?? {}).filter((process) => process !== 'all');
  return [
    figureOfRounds(`processor time, ${name}`, 'ms', all),
    ...names.map((process) => {
      const floors = rounds.flatMap(({ floor }) => floor[process] ?? []);
      return {
        name: `  of it ${process}`,
        unit: 'ms',
        value: median(rounds.map(({ ours }) => ours[process] ?? 0)),
        ...(floors.length === 0 ? {} : { floor: median(floors) }),
      };
    }),
  ];
}

/** Whether the goal is met; null where there is none. */
export function isMet({ value, ratio, goal, goalOf }: Figure): boolean | null {
  if (goal === undefined) return null;
  const measured = goalOf === 'ratio' ? (ratio?.median ?? Number.NaN) : value;
  return 'atLeast' in goal ? measured >= goal.atLeast : measured <= goal.atMost;
}

/** The figures as a table for people. */
export function table(figures: readonly Figure[]): string {
  const rows = [
    ['figure', 'value', 'floor', 'ratio (lowest-highest)', 'goal', 'met'],
    ...figures.map(rowOf),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rowOf(figure: Figure): string[] {
  const { name, unit, value, floor, ratio, goal, goalOf } = figure;
  const met = isMet(figure);
  const ofRatio = goalOf === 'ratio';
  const limit =
    goal === undefined ? '' : 'atLeast' in goal ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`;
  return [
    name,
    `${short(value)} ${unit}`,
    floor === undefined ? '' : `${short(floor)} ${unit}`,
    ratio === undefined
      ? ''
      : `${ratio.median.toFixed(2)} (${ratio.lowest.toFixed(2)}-${ratio.highest.toFixed(2)})`,
    limit === '' ? '' : `${limit}${ofRatio ? ' of the floor' : ` ${unit}`}`,
    met === null ? '' : met ? 'yes' : 'NO',
  ];
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1);
}
