// Shapes that the console adds to those of the API's reference ("api-types", made at build time).
export interface Exchange {
  id: string; time: string; application: string | null; model: string | null; provider: string | null; request_type: string | null;
  status: string; cost_usd: number | null; duration_ms: number | null; ttft_ms: number | null; user: string | null; prompt: string | null; error: string | null;
}
export type Role = "viewer" | "operator" | "approver" | "admin";
export const roles: Role[] = ["viewer", "operator", "approver", "admin"];
export interface Session {
  signed_in: boolean; user: {name: string; role: Role} | null; csrf: string | null; expires: string | null; demo: boolean;
  sign_in_needed: boolean; setup_needed: boolean; users: string[]; version: string; applications: string[];
}
/** [unix seconds, value, n, low, high] */
export type Point = [number, number | null, number, number | null, number | null];
export interface Series { metric: string; unit: string; label: string | null; points: Point[] }
export interface SeriesAnswer { from: string; to: string; step_s: number; series: Series[]; left_off?: number }
export type Severity = "info" | "good" | "warn" | "bad";
export interface TimelineEvent {
  at: string; until: string | null; kind: string; title: string; subject: string; actor: string | null; severity: Severity; state: string | null; href: string; record: string | null;
}
