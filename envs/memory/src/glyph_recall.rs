//! Glyphs and their labels: what one was called is told one step late.

use crate::deck::{Cards, MOST_KINDS};
use crate::glyph_accuracy;
use crate::glyph_oracle;
use crate::nearest_glyph::NearestGlyph;
use crate::tape::Tape;
use rl_core::glyph::{self, Placement, Stroke};
use rl_core::{
    ActionSpace, Analysis, Discrete, EnvSpec, Environment, EnvironmentEntry, Episode, Exact,
    ExactValues, Ink, MEMORYLESS_OPTIMUM, ObservationSpace, Picture, PolicyFactory, Setting, Shape,
    SpecError, Step, Stream, TaskDistribution, Trial,
};

/// Glyphs of a few random strokes are shown one by one, and their label is to be said.
/// Every trial draws `classes` glyphs of its own, which its labels stand for, and shows each
/// of them `presentations` times, every time turned and moved a little, in an order that is
/// drawn uniformly. What a glyph was called is told with the next one, whatever was said:
/// so the first time it can only be guessed, and afterwards be known. A trial is one
/// episode.
///
/// # Observations
/// The pixels of the glyph, row by row, each from 0 to 1; then the label of the glyph
/// before as a one-hot vector, zeros in the first step.
///
/// # Actions
/// The label.
///
/// # Reward
/// 1 for the right label, else 0.
///
/// # Reference
/// Santoro et al. 2016, "Meta-Learning with Memory-Augmented Neural Networks", where glyphs
/// are characters of Omniglot: 5 classes in 50 steps, or 15 in 100, turned by up to π/16 and
/// moved by up to a tenth of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct GlyphRecall {
    pub(crate) size: GlyphSettings,
}

/// The numbers of a [`GlyphRecall`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GlyphSettings {
    /// [`GlyphRecall::CLASSES`].
    pub classes: usize,
    /// [`GlyphRecall::PRESENTATIONS`].
    pub presentations: usize,
    /// [`GlyphRecall::SIDE`].
    pub side: usize,
    /// [`GlyphRecall::STROKES`].
    pub strokes: usize,
    /// [`GlyphRecall::TURN`].
    pub turn: f64,
    /// [`GlyphRecall::SHIFT`].
    pub shift: f64,
}

impl GlyphSettings {
    /// Steps of a trial.
    pub(crate) fn steps(&self) -> usize {
        self.classes * self.presentations
    }

    /// Pixels of a glyph.
    pub(crate) fn pixels(&self) -> usize {
        self.side * self.side
    }
}

const NAME: &str = "glyph-recall";

impl GlyphRecall {
    /// Glyphs of a trial.
    pub const CLASSES: Setting = Setting::count(
        "classes",
        5,
        2..=MOST_KINDS,
        "glyphs of a trial, each with a label; 5 or 15 in Santoro et al.",
    );
    /// Times that each is shown.
    pub const PRESENTATIONS: Setting = Setting::count(
        "presentations",
        10,
        1..=1_000,
        "times that each glyph is shown",
    );
    /// Pixels along a side.
    pub const SIDE: Setting = Setting::count("side", 8, 5..=64, "pixels along a side of a glyph");
    /// Strokes of a glyph.
    pub const STROKES: Setting = Setting::count("strokes", 3, 1..=16, "strokes of a glyph");
    /// How far a glyph is turned.
    pub const TURN: Setting = Setting::number(
        "turn",
        0.2,
        0.0..=1.0,
        "how far a glyph is turned either way at most, as the tangent of the angle; 0.2 is 11 \
         degrees",
    );
    /// How far a glyph is moved.
    pub const SHIFT: Setting = Setting::number(
        "shift",
        0.5,
        0.0..=2.0,
        "how far a glyph is moved along both axes at most, in pixels",
    );

    /// Glyphs of this size.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(size: GlyphSettings) -> Result<Self, SpecError> {
        Self::CLASSES.check(NAME, size.classes)?;
        Self::PRESENTATIONS.check(NAME, size.presentations)?;
        Self::SIDE.check(NAME, size.side)?;
        Self::STROKES.check(NAME, size.strokes)?;
        Self::TURN.check(NAME, size.turn)?;
        Self::SHIFT.check(NAME, size.shift)?;
        Ok(Self { size })
    }

    /// These glyphs by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "glyphs whose labels are told one step late (Santoro et al. 2016)";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            Ok(Self::new(GlyphSettings {
                classes: set.count("classes")?,
                presentations: set.count("presentations")?,
                side: set.count("side")?,
                strokes: set.count("strokes")?,
                turn: set.number("turn")?,
                shift: set.number("shift")?,
            })?)
        })
        .setting(Self::CLASSES)
        .setting(Self::PRESENTATIONS)
        .setting(Self::SIDE)
        .setting(Self::STROKES)
        .setting(Self::TURN)
        .setting(Self::SHIFT)
    }
}

/// One task: the glyphs of a trial, and how they are shown.
#[derive(Clone, Debug, Default)]
pub struct Glyphs {
    size: GlyphSettings,
    strokes: Vec<Stroke>,         // [classes][strokes]
    shown: Vec<(u32, Placement)>, // [steps], each a label and how it lies
}

impl Glyphs {
    /// The label of a step.
    fn label(&self, step: usize) -> Option<u32> {
        self.shown.get(step).map(|(label, _)| *label)
    }

    /// Draws the glyph of a label.
    fn show(&self, label: u32, placed: Placement, pixels: &mut [f32]) {
        let first = label as usize * self.size.strokes;
        glyph::rasterize(
            &self.strokes[first..first + self.size.strokes],
            placed,
            pixels,
        );
    }
}

impl Environment for Glyphs {
    /// Glyphs so far.
    type State = usize;
    type Action = Discrete;

    fn reset(&self, state: &mut usize, _rng: &mut Stream) {
        *state = 0;
    }

    #[inline]
    fn step(&self, state: &mut usize, action: &u32, _rng: &mut Stream) -> Step {
        let right = self.label(*state) == Some(*action);
        *state += 1;
        let reward = f32::from(u8::from(right));
        match *state == self.shown.len() {
            true => Step::terminal(reward),
            false => Step::proceed(reward),
        }
    }

    #[inline]
    fn observe(&self, state: &usize, observation: &mut [f32]) {
        let (pixels, labels) = observation.split_at_mut(self.size.pixels());
        let (label, placed) = self.shown[(*state).min(self.shown.len() - 1)];
        self.show(label, placed, pixels);
        labels.fill(0.0);
        let before = state.checked_sub(1).and_then(|before| self.label(before));
        if let Some(label) = before {
            labels[label as usize] = 1.0;
        }
    }

    /// The step, and the label there.
    fn position(&self, state: &usize) -> [f32; 2] {
        Tape::position(*state, self.label(*state))
    }

    /// The glyphs, each as it was made, above the steps.
    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let GlyphSettings { classes, side, .. } = self.size;
        let tape = Tape {
            title: NAME,
            rows: classes,
            columns: self.size.steps(),
            meaning: "labels",
        };
        let mut picture = tape.draw(episode);
        let pitch = picture.width / classes as f32;
        let (wide, bottom) = (0.9 * pitch, picture.height + 0.1 * pitch);
        let cell = wide / side as f32;
        let mut pixels = vec![0.0; side * side];
        for class in 0..classes as u32 {
            self.show(class, Placement::STILL, &mut pixels);
            let left = pitch * (class as f32 + 0.05);
            for (index, darkness) in pixels.iter().enumerate() {
                let (x, y) = (index % side, index / side);
                picture.shapes.push(Shape::Area {
                    corner: [left + cell * x as f32, bottom + cell * y as f32],
                    size: [cell, cell],
                    ink: Ink::Scale(*darkness),
                });
            }
        }
        picture.height = bottom + wide;
        picture.caption += " Above: the glyphs of the trial in the order of their labels, as they \
                            are before they are turned and moved.";
        Some(picture)
    }
}

impl TaskDistribution for GlyphRecall {
    type Task = Glyphs;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector {
                size: self.size.pixels() + self.size.classes,
            },
            action: ActionSpace::Discrete {
                size: self.size.classes,
            },
            horizon: self.size.steps(),
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Glyphs, rng: &mut Stream) {
        let size = self.size;
        let (turn, shift) = (size.turn as f32, 2.0 * size.shift as f32 / size.side as f32);
        task.size = size;
        task.strokes.clear();
        let strokes = (0..size.classes * size.strokes).map(|_| glyph::stroke(rng));
        task.strokes.extend(strokes);
        let shown = Cards {
            kinds: size.classes,
            copies: size.presentations,
        };
        task.shown.clear();
        let labels = shown
            .shuffled(rng)
            .map(|label| (label as u32, Placement::STILL));
        task.shown.extend(labels);
        for (_, placed) in &mut task.shown {
            *placed = Placement::draw(turn, shift, rng);
        }
    }

    fn task_bytes(&self) -> f64 {
        let strokes = self.size.classes * self.size.strokes * size_of::<Stroke>();
        (strokes + self.size.steps() * size_of::<(u32, Placement)>()) as f64
    }

    fn solution_bytes(&self) -> f64 {
        8.0 * (self.size.steps() + 2 * self.size.classes) as f64
    }

    /// The labels step by step.
    fn description_size(&self) -> usize {
        self.size.steps()
    }

    fn describe(&self, task: &Glyphs, description: &mut [f32]) {
        for (number, (label, _)) in description.iter_mut().zip(&task.shown) {
            *number = *label as f32;
        }
    }

    /// Who knows the glyphs knows every label.
    fn known_task_optimum(&self, _task: &Glyphs) -> Option<f64> {
        Some(self.size.steps() as f64)
    }

    fn known_task_action(
        &self,
        task: &Glyphs,
        (state, _left): (&usize, usize),
        probabilities: &mut [f32],
    ) -> bool {
        probabilities.fill(0.0);
        if let Some(label) = task.label(*state) {
            probabilities[label as usize] = 1.0;
        }
        true
    }

    /// Bayes-optimal: the value of an agent that knows every glyph again. Since a glyph is
    /// turned and moved, but nothing else of it changes and no noise is added, two
    /// presentations tell without doubt whether they are of one glyph, to who computes with
    /// as many digits as that takes. Its first label is then one of those not told yet, each
    /// as probable. Random: every label alike.
    fn exact_values(&self) -> ExactValues {
        let rewards = glyph_oracle::rewards(self.size.classes, self.size.presentations);
        ExactValues {
            bayes_optimal: Exact::value(rewards.iter().sum()),
            known_task_optimum: Exact::value(self.size.steps() as f64),
            random: Exact::value(self.size.presentations as f64),
            bayes_optimal_rewards: Some(rewards),
        }
    }

    /// The memoryless optimum: a glyph tells nothing of its label to who has not seen it
    /// before. The label of the glyph before tells that it will not come as often as the
    /// others: any other one is right with probability p / (c p − 1), of c classes and p
    /// presentations. In the first step all are alike.
    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        let (classes, times) = (self.size.classes as f64, self.size.presentations as f64);
        vec![(MEMORYLESS_OPTIMUM, Exact::value(1.0 / classes + times))]
    }

    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Err(
            "its value is that of an agent that recognizes every glyph, which no policy here \
             can; the learner nearest-glyph comes close"
                .into(),
        )
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        vec![Box::new(NearestGlyph { size: self.size })]
    }

    fn analyses(&self) -> Vec<Analysis> {
        vec![glyph_accuracy::analysis(self)]
    }
}
