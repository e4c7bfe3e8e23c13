// A click on the extension's button opens the chat beside the page.
void chrome.sidePanel.setPanelBehavior({ openPanelOnActionClick: true });
