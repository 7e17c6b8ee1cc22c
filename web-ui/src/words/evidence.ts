/** The classes of the evidence map. Colours are those of the service's own overlay. */
export const EVIDENCE = [
  { number: 1, name: "adjusted" },
  { number: 2, name: "estimated" },
  { number: 3, name: "borrowed" },
  { number: 4, name: "invented" },
  { number: 5, name: "painted" },
] as const;
