//! Numbers as people type them: `.001`, `1.`, `1_000`, `1e3`.

/// A float that is a whole number, as one.
pub fn integer(number: f64) -> Option<i64> {
    // Up to here every whole number is a float.
    let exact = number.abs() <= (1_u64 << 53) as f64;
    (exact && number.fract() == 0.0).then_some(number as i64)
}

/// A whole number, at least 0, as typed.
pub fn whole(text: &str) -> Option<u64> {
    let digits = digits(text)?;
    let float = || digits.parse().ok().and_then(integer);
    digits.parse().ok().or_else(|| u64::try_from(float()?).ok())
}

/// Whether a text is a whole number, typed as digits, that TOML has not.
pub fn is_beyond(text: &str) -> bool {
    let digits = digits(text).unwrap_or_default();
    let whole = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    let is_whole = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    is_whole && digits.parse::<i64>().is_err()
}

/// A number as typed, without the underscores between its digits.
fn digits(text: &str) -> Option<String> {
    let part = |c: char| c.is_ascii_digit() || "+-._eE".contains(c);
    let digit = |at: Option<usize>| {
        let byte = at.and_then(|at| text.as_bytes().get(at));
        byte.is_some_and(u8::is_ascii_digit)
    };
    let lone = |(at, _): (usize, _)| !(digit(at.checked_sub(1)) && digit(Some(at + 1)));
    if !text.chars().all(part) || text.match_indices('_').any(lone) {
        return None;
    }
    let digits = text.replace('_', "");
    digits.parse::<f64>().is_ok().then_some(digits)
}

/// A text with the numbers in it, outside of quotes, as TOML has them.
pub fn in_toml(text: &str) -> String {
    let (mut done, mut word, mut quote) = (String::new(), String::new(), None);
    for c in text.chars() {
        let ends = "[]{},= \t\"'".contains(c) || quote.is_some();
        if !ends {
            word.push(c);
            continue;
        }
        done.push_str(&word_in_toml(&std::mem::take(&mut word)));
        done.push(c);
        quote = match quote {
            Some(open) if open == c => None,
            None if c == '"' || c == '\'' => Some(c),
            _ => quote,
        };
    }
    done + &word_in_toml(&word)
}

fn word_in_toml(word: &str) -> String {
    let Some(digits) = digits(word) else {
        return word.to_owned();
    };
    match (digits.parse::<i64>(), digits.parse::<f64>()) {
        (Ok(whole), _) => whole.to_string(),
        // Debug keeps the point of 1.0.
        (_, Ok(number)) if number.is_finite() => format!("{number:?}"),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_typed() {
        let cases = [
            ("1000", Some(1000)),
            ("1_000", Some(1000)),
            ("1e3", Some(1000)),
            ("2.5E3", Some(2500)),
            ("1.", Some(1)),
            ("+5", Some(5)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-0", Some(0)),
            ("1.5", None),
            ("-1", None),
            ("_1", None),
            ("1_", None),
            ("1__0", None),
            ("1e300", None),
            ("nan", None),
            ("inf", None),
            ("", None),
            (".", None),
            ("0x10", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(whole(text), wanted, "{text}");
        }
    }
}
