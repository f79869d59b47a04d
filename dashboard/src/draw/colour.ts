// Colours that people with any colour vision tell apart: Okabe and Ito's eight for kinds, viridis for amounts.
export const OKABE_ITO = {
  orange: "#e69f00", sky: "#56b4e9", green: "#009e73", yellow: "#f0e442",
  blue: "#0072b2", vermillion: "#d55e00", purple: "#cc79a7", grey: "#8a8f98",
} as const;

/** Colours of series that have no meaning of their own. */
export function series(dark: boolean): string[] {
  const { blue, sky, orange, green, vermillion, purple, grey } = OKABE_ITO;
  return dark ? [sky, orange, "#3fc79a", purple, "#f0844a", "#f0e442", grey] : [blue, "#b87700", green, vermillion, "#a8487f", sky, grey];
}

export function stateColour(state: string, dark: boolean): string {
  switch (state) {
    case "completed": return dark ? OKABE_ITO.sky : OKABE_ITO.blue;
    case "running": case "under way": return OKABE_ITO.green;
    case "pruned": return dark ? OKABE_ITO.orange : "#cf8f00";
    case "failed": case "lost": return dark ? "#f0764a" : OKABE_ITO.vermillion;
    case "paused": return OKABE_ITO.purple;
    default: return OKABE_ITO.grey;
  }
}

/** Each kind has a shape as well as a colour. */
export function stateSymbol(state: string): string {
  switch (state) {
    case "completed": return "circle";
    case "pruned": return "triangle";
    case "failed": return "diamond";
    case "running": return "rect";
    default: return "emptyCircle";
  }
}

const VIRIDIS = [
  0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c, 0x22a884, 0x44bf70, 0x7ad151, 0xbddf26, 0xfde725,
];

/** Viridis at `share`, 0 poor to 1 best: best is what stands out most from the page, dark on light and light on dark. */
export function viridis(share: number, dark: boolean): [number, number, number] {
  const along = dark ? 0.12 + 0.88 * share : 0.9 * (1 - share);
  const at = Math.min(0.999999, Math.max(0, along)) * (VIRIDIS.length - 1);
  const low = VIRIDIS[Math.floor(at)]!;
  const high = VIRIDIS[Math.floor(at) + 1]!;
  const part = at - Math.floor(at);
  const mix = (shift: number) => Math.round(((low >> shift) & 255) * (1 - part) + ((high >> shift) & 255) * part);
  return [mix(16), mix(8), mix(0)];
}

export function css([red, green, blue]: [number, number, number]): string {
  return `#${((red << 16) | (green << 8) | blue).toString(16).padStart(6, "0")}`;
}

/** Colours from poor to best, for a legend or a visual map. */
export function ramp(dark: boolean, many = 9): string[] {
  return Array.from({ length: many }, (_, at) => css(viridis(at / (many - 1), dark)));
}

/** 256 colours as the rasteriser wants them: 0xBBGGRR. */
export function table(dark: boolean): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, at) => {
    const [red, green, blue] = viridis(at / 255, dark);
    return (blue << 16) | (green << 8) | red;
  });
}

export function plain(colour: string): Uint32Array {
  const value = Number.parseInt(colour.slice(1), 16);
  const swapped = ((value & 255) << 16) | (value & 0xff00) | (value >> 16);
  return new Uint32Array(256).fill(swapped);
}
