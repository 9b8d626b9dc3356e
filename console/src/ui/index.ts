// What pages are made of. One import: import {Panel, Table, ...} from "../../ui";
export * from "./basics";
export * from "./numbers";
export * from "./table";
export * from "./acts";
export * from "./page";
export * from "./diff";
