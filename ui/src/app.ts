import "htmx.org";
import { startCompletion } from "./page/completion";
import { startDialogs } from "./page/dialogs";
import { startFailures } from "./page/failures";
import { startFields } from "./page/fields";
import { startMenus } from "./page/menus";
import { startRows } from "./page/rows";
import { startTabs } from "./page/tabs";
import { startTheme } from "./page/theme";
import { startTimes } from "./page/times";
import { startToasts } from "./page/toasts";

startCompletion(); // first: its keys win over the menus' and the canvas'
startTheme();
startMenus();
startDialogs();
startToasts();
startFailures();
startTabs();
startRows();
startFields();
startTimes();
