//! The exact solution of glyph recall.

/// The expected rewards, step by step, of an agent that knows every glyph again: 1 where
/// it was shown before, else one in as many as there are labels not told yet.
pub(crate) fn rewards(classes: usize, presentations: usize) -> Vec<f64> {
    let steps = classes * presentations;
    let mut seen = vec![0.0; classes + 1]; // How probable so many glyphs seen are.
    seen[0] = 1.0;
    let mut rewards = Vec::with_capacity(steps);
    for step in 0..steps {
        let mut next = vec![0.0; classes + 1];
        let mut expected = 0.0;
        for known in 0..=classes {
            let unseen = classes - known;
            let new = (unseen * presentations) as f64 / (steps - step) as f64;
            let chance = seen[known];
            // What cannot be has no expectation.
            if chance > 0.0 {
                let guessed = if unseen > 0 { new / unseen as f64 } else { 0.0 };
                expected += chance * (1.0 - new + guessed);
                next[known] += chance * (1.0 - new);
                if unseen > 0 {
                    next[known + 1] += chance * new;
                }
            }
        }
        seen = next;
        rewards.push(expected);
    }
    rewards
}

/// How often such an agent is right the first time: in one of c, c − 1, …, 1 cases.
pub(crate) fn first_accuracy(classes: usize) -> f64 {
    let guesses = (1..=classes).map(|left| 1.0 / left as f64);
    guesses.sum::<f64>() / classes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_presentations_are_guessed_and_the_others_known() {
        for (classes, presentations) in [(2, 1), (5, 10), (3, 2), (15, 7)] {
            let found: f64 = rewards(classes, presentations).iter().sum();
            let known = (classes * (presentations - 1)) as f64;
            let wanted = known + classes as f64 * first_accuracy(classes);
            assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
        }
        assert!((first_accuracy(2) - 0.75).abs() < 1e-12);
        // Two glyphs, twice each: the second step shows the first one again in a third of
        // the orders, and else the other one, whose label is the one that is left.
        assert_eq!(rewards(2, 2)[..2], [0.5, 1.0]);
        assert!((rewards(3, 1)[1] - 0.5).abs() < 1e-12);
    }
}
