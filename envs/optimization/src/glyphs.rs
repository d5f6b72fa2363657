//! Glyphs to be told apart after a few pictures of each, by a small network.

use crate::behaviour;
use crate::descent::{Descent, Differentiated, spec};
use crate::fit::{Fit, LIMIT, network};
use crate::network::{Loss, Network};
use rl_core::glyph::{self, Placement, Stroke};
use rl_core::rand::RngExt as _;
use rl_core::rand::seq::SliceRandom as _;
use rl_core::rand_distr::StandardNormal;
use rl_core::{
    Analysis, Domain, EnvSpec, EnvironmentEntry, Exact, ExactValues, Moments, Objective, Purpose,
    Setting, SpecError, Stream, StreamKey, TaskDistribution,
};

/// Every task draws glyphs of a few random strokes, and pictures of each, turned and moved
/// every time. A network of rectifiers, whose parameters begin at random (weights
/// N(0, 2 / inputs), biases 0), is to say which glyph a picture is of. Gradients are of the
/// mean cross-entropy over the pictures that are shown, all of them or batches in turn; what
/// counts is other pictures of the same glyphs.
///
/// # Observations
/// The cross-entropy of the pictures that are shown, its gradient, and the parameters:
/// [`rl_core::Sight`].
///
/// # Actions
/// The parameters to go to, each within ±100.
///
/// # Reward
/// By how much the share of the other pictures that are told apart rose (`paid =
/// "accuracy"`), or by how much their cross-entropy fell (`paid = "loss"`); in the first row
/// the share, or minus the cross-entropy, where the agent begins.
///
/// # Reference
/// The protocol is that of few-shot classification, as in Ravi and Larochelle 2017,
/// "Optimization as a Model for Few-Shot Learning", 5 ways with 1 or 5 shots; the pictures
/// are ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Glyphs {
    size: GlyphsSettings,
    network: Network,
}

/// The numbers of [`Glyphs`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GlyphsSettings {
    /// [`Glyphs::WAYS`].
    pub ways: usize,
    /// [`Glyphs::SHOTS`].
    pub shots: usize,
    /// [`Glyphs::QUERIES`].
    pub queries: usize,
    /// [`Glyphs::SIDE`].
    pub side: usize,
    /// [`Glyphs::STROKES`].
    pub strokes: usize,
    /// [`Glyphs::TURN`].
    pub turn: f64,
    /// [`Glyphs::SHIFT`].
    pub shift: f64,
    /// [`Glyphs::HIDDEN`].
    pub hidden: usize,
    /// [`Glyphs::LAYERS`].
    pub layers: usize,
    /// [`Glyphs::BATCH`].
    pub batch: usize,
    /// [`Glyphs::STEPS`].
    pub steps: usize,
    /// Whether [`Glyphs::PAID`] is the accuracy.
    pub accuracy: bool,
}

const NAME: &str = "glyphs";
/// Tasks that the nearest neighbour is measured on: as many as this, or as the work below
/// allows, but not fewer than those.
const NEIGHBOURS: u64 = 2_000;
const FEWEST_NEIGHBOURS: u64 = 100;
/// Numbers that may be drawn or compared for it: seconds.
const NEIGHBOUR_WORK: u64 = 1_000_000_000;

/// The most glyphs of a task, pictures of each, and strokes: what is drawn lies on the stack
/// until it is a picture, so that no new task allocates.
const MOST_WAYS: usize = 20;
const MOST_PICTURES: usize = 500;
const MOST_STROKES: usize = 16;

impl Glyphs {
    /// Glyphs of a task.
    pub const WAYS: Setting = Setting::count("ways", 5, 2..=MOST_WAYS, "glyphs to tell apart");
    /// Pictures of each that are shown.
    pub const SHOTS: Setting = Setting::count(
        "shots",
        1,
        1..=MOST_PICTURES,
        "pictures of each glyph that gradients are of",
    );
    /// Pictures of each that count.
    pub const QUERIES: Setting = Setting::count(
        "queries",
        5,
        1..=MOST_PICTURES,
        "other pictures of each, that count",
    );
    /// Pixels along a side.
    pub const SIDE: Setting = Setting::count("side", 8, 5..=32, "pixels along a side");
    /// Strokes of a glyph.
    pub const STROKES: Setting =
        Setting::count("strokes", 3, 1..=MOST_STROKES, "strokes of a glyph");
    /// How far a glyph is turned.
    pub const TURN: Setting = Setting::number(
        "turn",
        0.4,
        0.0..=1.0,
        "how far a glyph is turned either way at most, as the tangent of the angle",
    );
    /// How far a glyph is moved.
    pub const SHIFT: Setting = Setting::number(
        "shift",
        1.0,
        0.0..=2.0,
        "how far a glyph is moved along both axes at most, in pixels",
    );
    /// Units of a hidden layer.
    pub const HIDDEN: Setting = Setting::count("hidden", 32, 1..=256, "units of a hidden layer");
    /// Hidden layers.
    pub const LAYERS: Setting = Setting::count("layers", 1, 1..=3, "hidden layers");
    /// Pictures of a gradient.
    pub const BATCH: Setting = Setting::count(
        "batch",
        0,
        0..=10_000,
        "pictures that each gradient is of, in turn; 0 takes all that are shown",
    );
    /// Gradients of a trial.
    pub const STEPS: Setting = Setting::count(
        "steps",
        10,
        1..=100_000,
        "gradients that an agent sees before the end",
    );
    /// What is paid.
    pub const PAID: Setting = Setting::choice(
        "paid",
        &["accuracy", "loss"],
        "what rewards add up to: the share that is right, or minus the cross-entropy",
    );

    /// Glyphs of this size.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(size: GlyphsSettings) -> Result<Self, SpecError> {
        Self::WAYS.check(NAME, size.ways)?;
        Self::SHOTS.check(NAME, size.shots)?;
        Self::QUERIES.check(NAME, size.queries)?;
        Self::SIDE.check(NAME, size.side)?;
        Self::STROKES.check(NAME, size.strokes)?;
        Self::TURN.check(NAME, size.turn)?;
        Self::SHIFT.check(NAME, size.shift)?;
        Self::HIDDEN.check(NAME, size.hidden)?;
        Self::LAYERS.check(NAME, size.layers)?;
        Self::BATCH.check(NAME, size.batch)?;
        Self::STEPS.check(NAME, size.steps)?;
        let (pixels, hidden) = (size.side * size.side, (size.layers, size.hidden));
        let network = network(pixels, hidden, size.ways, Loss::CrossEntropy);
        Ok(Self { size, network })
    }

    /// These glyphs by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "glyphs to be told apart after a few pictures of each";
        EnvironmentEntry::new(NAME, summary, |set| {
            Ok(Self::new(GlyphsSettings {
                ways: set.count("ways")?,
                shots: set.count("shots")?,
                queries: set.count("queries")?,
                side: set.count("side")?,
                strokes: set.count("strokes")?,
                turn: set.number("turn")?,
                shift: set.number("shift")?,
                hidden: set.count("hidden")?,
                layers: set.count("layers")?,
                batch: set.count("batch")?,
                steps: set.count("steps")?,
                accuracy: set.choice("paid")? == "accuracy",
            })?)
        })
        .setting(Self::WAYS)
        .setting(Self::SHOTS)
        .setting(Self::QUERIES)
        .setting(Self::SIDE)
        .setting(Self::STROKES)
        .setting(Self::TURN)
        .setting(Self::SHIFT)
        .setting(Self::HIDDEN)
        .setting(Self::LAYERS)
        .setting(Self::BATCH)
        .setting(Self::STEPS)
        .setting(Self::PAID)
    }

    /// Draws pictures of glyphs into rows, so many of each, in random order.
    fn pictures(
        &self,
        strokes: &[Stroke],
        each: usize,
        (pixels, labels): &mut (Vec<f32>, Vec<f32>),
        rng: &mut Stream,
    ) {
        let size = &self.size;
        let (turn, shift) = (size.turn as f32, 2.0 * size.shift as f32 / size.side as f32);
        let mut order = [0; MOST_WAYS * MOST_PICTURES];
        let order = &mut order[..size.ways * each];
        for (picture, class) in order.iter_mut().enumerate() {
            *class = (picture % size.ways) as u8;
        }
        order.shuffle(rng);
        let (area, rows) = (size.side * size.side, order.len());
        pixels.clear();
        pixels.resize(rows * area, 0.0);
        labels.clear();
        labels.resize(rows * size.ways, 0.0);
        let rows = pixels
            .chunks_exact_mut(area)
            .zip(labels.chunks_exact_mut(size.ways));
        for (class, (pixels, label)) in order.iter().zip(rows) {
            let class = usize::from(*class);
            let own = class * size.strokes..(class + 1) * size.strokes;
            glyph::rasterize(&strokes[own], Placement::draw(turn, shift, rng), pixels);
            label[class] = 1.0;
        }
    }

    /// The share of the pictures that count whose nearest picture that is shown, by the sum
    /// of the pixels' squared differences, is of the same glyph.
    fn nearest_neighbour<'a>(&self, fit: &'a Fit<f32>) -> f64 {
        let (area, ways) = (self.size.side * self.size.side, self.size.ways);
        let rows = |data: &'a (Vec<f32>, Vec<f32>)| {
            data.0.chunks_exact(area).zip(data.1.chunks_exact(ways))
        };
        let right = rows(&fit.counted).filter(|(x, label)| {
            let apart = rows(&fit.shown).map(|(other, label)| {
                let pairs = other.iter().zip(*x);
                let apart: f32 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
                (apart, label)
            });
            let nearest = apart.min_by(|a, b| a.0.total_cmp(&b.0));
            nearest.is_some_and(|(_, other)| other == *label)
        });
        right.count() as f64 / rows(&fit.counted).len() as f64
    }

    /// Numbers that are drawn or compared to measure the nearest neighbour on one task.
    fn neighbour_work(&self) -> u64 {
        let GlyphsSettings { ways, side, .. } = self.size;
        let (shown, counted) = (ways * self.size.shots, ways * self.size.queries);
        let pictures = shown * counted + self.size.strokes * (shown + counted);
        (side * side * pictures + self.network.parameters()) as u64
    }
}

impl TaskDistribution for Glyphs {
    type Task = Descent<Fit<f32>>;

    fn spec(&self) -> EnvSpec {
        spec(NAME, self.network.parameters(), LIMIT, self.size.steps)
    }

    fn sample(&self, task: &mut Self::Task, rng: &mut Stream) {
        let fit = &mut task.0;
        fit.network.clone_from(&self.network);
        (fit.batch, fit.accuracy) = (self.size.batch, self.size.accuracy);
        let mut strokes = [Stroke::default(); MOST_WAYS * MOST_STROKES];
        let strokes = &mut strokes[..self.size.ways * self.size.strokes];
        strokes.fill_with(|| glyph::stroke(rng));
        self.pictures(strokes, self.size.shots, &mut fit.shown, rng);
        self.pictures(strokes, self.size.queries, &mut fit.counted, rng);
        let normal = || rng.sample(StandardNormal);
        self.network.init(normal, &mut fit.start);
    }

    fn task_bytes(&self) -> f64 {
        let rows = self.size.ways * (self.size.shots + self.size.queries);
        let numbers = self.size.side * self.size.side + self.size.ways;
        let units = 6 * (numbers + self.size.hidden * self.size.layers);
        4.0 * (rows * (numbers + units) + 4 * self.network.parameters()) as f64
    }

    fn exact_values(&self) -> ExactValues {
        ExactValues {
            bayes_optimal: Exact::unknown("glyphs are continuous"),
            known_task_optimum: Exact::unknown("how well the network can tell is not known"),
            random: match self.size.accuracy {
                true => Exact::value(1.0 / self.size.ways as f64),
                false => Exact::unknown("the mean loss of parameters at random has no closed form"),
            },
            ..ExactValues::default()
        }
    }

    /// How often the nearest neighbour among the pixels of what is shown is right.
    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        if !self.size.accuracy {
            return Vec::new();
        }
        let name = "nearest neighbour";
        let tasks = NEIGHBOURS.min(NEIGHBOUR_WORK / self.neighbour_work());
        if tasks < FEWEST_NEIGHBOURS {
            let why = "so many pixels take too long to compare";
            return vec![(name, Exact::unknown(why))];
        }
        let key = StreamKey::new(0, Domain::Tuning, 0);
        let mut task = Self::Task::default();
        let right = (0..tasks).map(|number| {
            self.sample(&mut task, &mut key.lane(Purpose::Task, number));
            self.nearest_neighbour(&task.0)
        });
        vec![(name, Exact::estimated(&right.collect::<Moments>()))]
    }

    fn objective(&self, task: &Self::Task) -> Option<Box<dyn Objective>> {
        Some(Box::new(Differentiated::<_, f32>::new(task.0.clone())))
    }

    fn analyses(&self) -> Vec<Analysis> {
        behaviour::analyses(self.network.parameters())
    }
}
