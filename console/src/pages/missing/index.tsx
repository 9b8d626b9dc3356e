import {Page} from "../../ui";
export const NotFound = () => <Page title="No such page"><p>There is nothing at this address. <a href="/">Go to the overview</a>, or press <kbd>Ctrl K</kbd> to find what you look for.</p></Page>;
