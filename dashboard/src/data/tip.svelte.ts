// The one tip beside the pointer. Holds lines of text; never markup.
export interface Tip {
  x: number;
  y: number;
  title: string;
  rows: [string, string][];
}

class Tips {
  now = $state.raw<Tip | null>(null);
  show(event: { clientX: number; clientY: number }, title: string, rows: [string, string][]): void {
    this.now = { x: event.clientX, y: event.clientY, title, rows };
  }
  hide(): void {
    this.now = null;
  }
}

export const tips = new Tips();
