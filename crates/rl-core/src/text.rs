//! Text that comes from outside: names, errors, what panics said.

/// Text that a terminal or a page shows and does not obey: control characters,
/// but for the ends of lines and tabs, and marks that turn the direction of
/// writing are spelled out, as in `\\u{1b}`.
pub fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match is_hidden(character) {
            true => safe.extend(character.escape_unicode()),
            false => safe.push(character),
        }
    }
    safe
}

/// Whether [`shown`] spells it out.
pub fn is_hidden(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        assert_eq!(
            shown("a\x1b[2J\r\u{9b}\u{202e}b\n\tµ"),
            "a\\u{1b}[2J\\u{d}\\u{9b}\\u{202e}b\n\tµ"
        );
    }
}
