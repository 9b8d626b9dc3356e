export * from "./time";
export * from "./small";
