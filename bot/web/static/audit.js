// While the log is being read, look again every few seconds.
"use strict";

setTimeout(() => location.replace("/audit"), 3000);
