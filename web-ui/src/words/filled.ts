/** `{n} spot|{n} spots` with n=3 -> `3 spots`. The form is chosen by the language's own rule. */
export function filled(
  text: string,
  values: Record<string, string | number>,
  language: string,
): string {
  const forms = text.split("|");
  let form = forms[0]!;
  if (forms.length > 1) {
    const rule = new Intl.PluralRules(language).select(Number(values.n ?? 0));
    form = rule === "one" ? forms[0]! : forms[1]!;
  }
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? value.toLocaleString(language) : value;
  });
}
