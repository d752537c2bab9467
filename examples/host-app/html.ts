/** HTML that is safe to send: whatever was put into the template was escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template whose values are escaped unless they are HTML themselves; lists are joined. */
export function html(parts: TemplateStringsArray, ...values: unknown[]): Html {
  const text = parts.map((part, index) => {
    const value = index < values.length ? values[index] : '';
    return part + shown(value);
  });
  return new Html(text.join(''));
}

function shown(value: unknown): string {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(shown).join('');
  return String(value).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
