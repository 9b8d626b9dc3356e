export * from "./time";
export * from "./small";
export * from "./stacked";
