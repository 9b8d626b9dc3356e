// Who is here, and what they may do.
import {createContext} from "preact";
import {useContext} from "preact/hooks";
import {roles, type Role, type Session} from "./types";

export const SessionContext = createContext<Session | null>(null);
export const useSession = () => useContext(SessionContext)!;
/** May whoever is signed in do what needs this role? */
export const useMay = (role: Role) => {
  const user = useSession().user;
  return user !== null && roles.indexOf(user.role) >= roles.indexOf(role);
};
