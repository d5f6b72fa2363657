//! Help with names that were mistyped.

/// The candidate that was most likely meant, if any is close.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let most = (name.chars().count() / 3).max(1);
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let whole = strsim::damerau_levenshtein(&name, &candidate);
        // The last part alone is what people remember of a dotted or nested name.
        let tail = candidate.rsplit(['.', '/']).next().unwrap_or_default();
        whole.min(strsim::damerau_levenshtein(&name, tail))
    };
    let close = |candidate: &&str| {
        let part = name.len() >= 3 && candidate.to_lowercase().contains(&name);
        part || distance(candidate) <= most
    };
    let candidates = candidates.into_iter().filter(close);
    candidates.min_by_key(|candidate| distance(candidate))
}

/// What to say after an unknown name: the nearest one, or all of them.
pub fn suggestion<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None if candidates.is_empty() => "there are none".to_owned(),
        None => format!("allowed: {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let presets = ["rl2/bernoulli-bandit-5x10", "rl2/bernoulli-bandit-5x100"];
        let found = |name| nearest(name, presets);
        assert_eq!(found("rl2/bernouli-bandit-5x10"), Some(presets[0]));
        assert_eq!(found("bernoulli-bandit-5x100"), Some(presets[1]));
        assert_eq!(found("maml/navigation"), None);
        assert_eq!(nearest("lans", ["tile", "lanes"]), Some("lanes"));
        assert_eq!(
            nearest("lans", ["rl2.tile", "rl2.lanes"]),
            Some("rl2.lanes")
        );
        assert_eq!(nearest("x", ["arms", "pulls"]), None);
    }

    #[test]
    fn suggestions_list_everything_when_nothing_is_near() {
        assert_eq!(suggestion("amrs", ["arms"]), "did you mean 'arms'?");
        assert_eq!(suggestion("zzz", ["arms", "pulls"]), "allowed: arms, pulls");
    }
}
