//! Numbers and names as people read them.

use serde_json::Value;

/// A number with a fixed count of decimals and a true minus sign, and a dash for
/// what is not finite.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_string();
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        // Rounding can leave "-0.0", which is just zero.
        Some(digits) if digits.bytes().all(|b| b == b'0' || b == b'.') => digits.to_string(),
        Some(digits) => format!("−{digits}"),
        None => text,
    }
}

/// A share as a percentage: 0.9712 is "97.1 %".
pub(crate) fn percent(share: f64) -> String {
    percent_to(share, 1)
}

/// The same with so many decimals.
pub(crate) fn percent_to(share: f64, decimals: usize) -> String {
    format!("{}\u{202f}%", fixed(100.0 * share, decimals))
}

/// A whole number with a comma every three digits.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in words, short enough for a heading: "1.23 million", "12,300".
pub(crate) fn rounded(number: f64) -> String {
    let (scaled, word) = match number {
        n if n >= 1e9 => (n / 1e9, " billion"),
        n if n >= 1e6 => (n / 1e6, " million"),
        n => return thousands(n.round() as u64),
    };
    let text = format!("{scaled:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    format!("{short}{word}")
}

/// A count as short as it can be: "12.3 M", "40,960".
pub(crate) fn short(number: f64) -> String {
    let (scaled, unit) = match number {
        n if n >= 1e9 => (n / 1e9, "G"),
        n if n >= 1e6 => (n / 1e6, "M"),
        n => return thousands(n.round() as u64),
    };
    let places = if scaled < 100.0 { 1 } else { 0 };
    format!("{}\u{a0}{unit}", fixed(scaled, places))
}

/// A duration: "48 s", "3 min 20 s", "2 h 05 min".
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 if seconds < 9.95 => format!("{seconds:.1}\u{a0}s"),
        0..60 => format!("{whole}\u{a0}s"),
        60..3600 => format!("{}\u{a0}min\u{a0}{:02}\u{a0}s", whole / 60, whole % 60),
        _ => format!(
            "{}\u{a0}h\u{a0}{:02}\u{a0}min",
            whole / 3600,
            whole % 3600 / 60
        ),
    }
}

/// "1 seed", "5 seeds".
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number as u64))
}

/// How many decimals show two significant digits of the smallest of the given
/// uncertainties; 3 where there is none.
pub(crate) fn decimals(uncertainties: impl IntoIterator<Item = f64>) -> usize {
    let smallest = uncertainties
        .into_iter()
        .filter(|error| error.is_finite() && *error > 0.0)
        .fold(f64::INFINITY, f64::min);
    if smallest == f64::INFINITY {
        return 3;
    }
    (1.0 - smallest.log10().floor()).clamp(0.0, 5.0) as usize
}

/// The name of an algorithm, learner or environment as the field writes it.
/// A name that has capital letters is written so already; other unknown names lose
/// their hyphens and begin with a capital letter; what
/// follows a bracket stays: "epsilon-greedy(0.1)" is "ε-greedy (0.1)".
pub(crate) fn display_name(name: &str) -> String {
    let end = name.find(['(', '[', ' ']).unwrap_or(name.len());
    let (head, tail) = name.split_at(end);
    let known = match head.to_ascii_lowercase().replace('_', "-").as_str() {
        "ucb" => "UCB",
        "ucb1" => "UCB1",
        "thompson" | "thompson-sampling" => "Thompson sampling",
        "epsilon-greedy" => "ε-greedy",
        "bayes-optimal" => "Bayes-optimal",
        "known-task" | "known-task-optimum" => "Known-task optimum",
        "psrl" => "PSRL",
        "opsrl" => "OPSRL",
        "ucrl2" => "UCRL2",
        "beb" => "BEB",
        "ots" => "OTS",
        "kl-ucb" => "KL-UCB",
        "ucb-v" => "UCB-V",
        "q-lambda" => "Q(λ)",
        "exp3" => "Exp3",
        "tsallis-inf" => "Tsallis-INF",
        _ => "",
    };
    let head = match known {
        "" if head.chars().any(char::is_uppercase) => head.to_owned(),
        "" => capitalized(&head.replace(['-', '_'], " ")),
        known => known.to_string(),
    };
    match tail.trim_start() {
        "" => head,
        tail => format!("{head} {tail}"),
    }
}

/// The text with its first letter in upper case.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// A JSON value without quotation marks around text.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Lower-case letters, digits and hyphens: good for file names and anchors.
pub(crate) fn slug(text: &str) -> String {
    let words: Vec<String> = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

/// Words joined as a list: "a, b and c".
pub(crate) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [words @ .., last] => format!("{} and {last}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(fixed(-1.005, 2), "−1.00");
        assert_eq!(fixed(-0.001, 1), "0.0");
        assert_eq!(fixed(f64::NAN, 1), "–");
        assert_eq!(percent(0.97125), "97.1\u{202f}%");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(100), "100");
        assert_eq!(rounded(1_536_000.0), "1.54 million");
        assert_eq!(rounded(2_000_000.0), "2 million");
        assert_eq!(rounded(40_960.0), "40,960");
        assert_eq!(short(12_288_000.0), "12.3\u{a0}M");
        assert_eq!(short(40_960.0), "40,960");
        assert_eq!(duration(3.21), "3.2\u{a0}s");
        assert_eq!(duration(74.4), "1\u{a0}min\u{a0}14\u{a0}s");
        assert_eq!(duration(7500.0), "2\u{a0}h\u{a0}05\u{a0}min");
        assert_eq!(count(1, "seed"), "1 seed");
        assert_eq!(count(5, "seed"), "5 seeds");
    }

    #[test]
    fn two_digits_of_the_smallest_error_are_shown() {
        assert_eq!(decimals([0.012, 0.3]), 3);
        assert_eq!(decimals([3.0]), 1);
        assert_eq!(decimals([250.0]), 0);
        assert_eq!(decimals([0.0, f64::NAN]), 3);
    }

    #[test]
    fn names() {
        assert_eq!(display_name("E-MAML (first order)"), "E-MAML (first order)");
        assert_eq!(display_name("epsilon-greedy(0.1)"), "ε-greedy (0.1)");
        assert_eq!(display_name("bernoulli-bandit"), "Bernoulli bandit");
        assert_eq!(display_name("my_own_agent"), "My own agent");
        assert_eq!(slug("RL² on Bandits (k=5)"), "rl-on-bandits-k-5");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
