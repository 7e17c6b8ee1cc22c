/** How the page looks and speaks; kept in this browser only. */

import { LANGUAGES, type Language } from "../words/catalogue";

export type Theme = "system" | "light" | "dark";

function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off: the choice lasts as long as the page
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    return; // as above
  }
}

function firstLanguage(): Language {
  const wanted = [kept("language"), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  return wanted.find((tag): tag is Language => LANGUAGES.some((l) => l === tag)) ?? "en";
}

function firstTheme(): Theme {
  const theme = kept("theme");
  return theme === "light" || theme === "dark" ? theme : "system";
}

class Look {
  language = $state<Language>(firstLanguage());
  theme = $state<Theme>(firstTheme());

  speak(language: Language): void {
    this.language = language;
    keep("language", language);
    document.documentElement.lang = language;
  }

  wear(theme: Theme): void {
    this.theme = theme;
    keep("theme", theme);
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  begin(): void {
    this.speak(this.language);
    this.wear(this.theme);
  }
}

export const look = new Look();
