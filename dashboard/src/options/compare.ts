// Several studies' running best on one chart, by trials and by device time.
import type { Picture } from "../data/contract";
import { series as colours } from "../draw/colour";
import { base, ink, logAxis, valueAxis, zoom, type Option } from "../draw/theme";
import { across, ACROSS, stairs, type Across } from "./history";

const DASHES = ["solid", "dashed", "dotted", [8, 3, 2, 3]] as const;

/** Of each picture the metric called `metric`; pictures without it are left out. */
export function compareOption(pictures: Picture[], metric: string, by: Across, log: boolean, dark: boolean): { option: Option; points: number } {
  const paint = ink(dark);
  const palette = colours(dark);
  let points = 0;
  const lines = pictures.flatMap((picture, at) => {
    const index = picture.metrics.findIndex((one) => one.name === metric);
    if (index < 0) return [];
    const history = picture.history[index]!;
    points += history.trial.length;
    return [{
      id: `study:${at}`, name: picture.name, type: "line", data: stairs(across(picture, history, by), history.best), showSymbol: false, triggerLineEvent: true,
      lineStyle: { width: 2.5, color: palette[at % palette.length], type: DASHES[Math.floor(at / palette.length) % DASHES.length] }, itemStyle: { color: palette[at % palette.length] },
    }];
  });
  const option = {
    ...base(), xAxis: valueAxis(paint, ACROSS[by], { min: 0, scale: false, splitLine: { show: false } }), yAxis: (log ? logAxis : valueAxis)(paint, metric),
    dataZoom: zoom({ x: 0 }), series: lines,
  };
  return { option, points };
}

export const colourOf = (at: number, dark: boolean) => colours(dark)[at % colours(dark).length]!;
