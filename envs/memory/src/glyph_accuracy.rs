//! How often glyphs are called right the first time, the second, and so on.

use crate::glyph_oracle;
use crate::glyph_recall::GlyphRecall;
use rl_core::{Analysis, Bar, Bars, MOST_BARS, Moments, Trials};

/// The figure of Santoro et al. 2016.
pub(crate) fn analysis(glyphs: &GlyphRecall) -> Analysis {
    let glyphs = glyphs.clone();
    Analysis::new("accuracy-by-presentation", move |trials| {
        let found = glyphs.accuracy_by_presentation(trials)?;
        let bars = found.iter().enumerate().take(MOST_BARS);
        let bars = bars.map(|(number, right)| Bar::of((number + 1).to_string(), right));
        let (groups, top) = (vec![("presentation".to_owned(), bars.collect())], Some(1.0));
        let caption = format!(
            "Share of right labels when a glyph is shown for the first time, the second, …, over \
             {} trials, ± 1 standard error. Who knows every glyph again has {:.3} the first time, \
             and 1 afterwards.",
            trials.trajectory.lanes(),
            glyph_oracle::first_accuracy(glyphs.size.classes),
        );
        Some(Bars { groups, top }.picture("Accuracy by presentation", caption))
    })
}

impl GlyphRecall {
    /// How often agents were right when a glyph was shown for the first, second, … time;
    /// `None` where trials are not of this environment. `[presentations]`
    pub fn accuracy_by_presentation(&self, trials: &Trials<'_>) -> Option<Vec<Moments>> {
        let (lanes, steps) = (trials.trajectory.lanes(), self.size.steps());
        let rewards = trials.trajectory.rewards();
        if trials.descriptions.len() != lanes * steps || rewards.len() < lanes * steps {
            return None;
        }
        let mut right = vec![Moments::default(); self.size.presentations];
        for lane in 0..lanes {
            let mut shown = vec![0; self.size.classes];
            for (step, label) in trials.description(lane).iter().enumerate() {
                let times = &mut shown[*label as usize];
                right[*times].push(f64::from(rewards[step * lanes + lane]));
                *times += 1;
            }
        }
        Some(right)
    }
}
