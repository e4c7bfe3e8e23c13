/** What the extension uses of Chrome's interface (https://developer.chrome.com/docs/extensions/reference/api). */
declare const chrome: {
  runtime: { getURL(path: string): string; getManifest(): { name: string } };
  sidePanel: { setPanelBehavior(behavior: { openPanelOnActionClick: boolean }): Promise<void> };
  storage: { local: { get(key: string): Promise<Record<string, unknown>>; set(items: Record<string, unknown>): Promise<void> } };
};
