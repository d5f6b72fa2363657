//! One training: draw functions, unroll, improve.

use crate::config::{Config, Counted, NAME, Perturbation, Start, TrainingConfig};
use crate::course::{Counting, Course, Order, Outcome, Recorder, Tile};
use crate::policy::Optimizers;
use crate::rule::Rule;
use agent::LearnError;
use nets::{Blueprint, Init, Layout, NetsError, Optimizer, clip_gradient};
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::StandardNormal;
use rl_core::{
    Domain, EnvFactory, Objectives, PolicyFactory, Purpose, Sight, Stream, StreamKey, Tree,
};
use rollout::Pool;
use serde::Serialize;
use std::sync::{Arc, Mutex};

/// What one update did. Nothing in it depends on the clock or the workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Updates done.
    pub update: u64,
    /// Environment steps done: rows of functions, all members of pairs counted.
    pub env_steps: u64,
    /// What the environment pays for where unrolls end, mean over the functions: the return
    /// of trials of as many gradients.
    pub mean_return: f64,
    /// What is made small.
    pub meta_loss: f64,
    /// Norm of the gradient before it is scaled down, mean over the windows.
    pub gradient_norm: f64,
}

/// What an update changes. It works on a copy, which takes the place of the original when
/// all has gone well.
#[derive(Clone)]
struct Learned {
    /// Of the rule, then of the start.
    values: Vec<f32>,
    optimizer: Optimizer,
}

/// What is the same throughout a training.
struct Common {
    config: Config,
    functions: Arc<dyn Objectives>,
    rule: Arc<Rule>,
    layout: Arc<Layout>,
    /// Parameters of a function.
    size: usize,
    seed: u64,
    /// Those that nobody records with now; no more than there were workers at a time.
    spare: Mutex<Vec<Recorder<f32>>>,
}

/// A training of one rule under one seed.
pub struct Trainer {
    common: Common,
    pool: Arc<Pool>,
    learned: Learned,
    update: u64,
    env_steps: u64,
}

/// Parts of a checkpoint.
const PARAMS: &str = "params";
const OPTIMIZER: &str = "optimizer";
const UPDATE: &str = "update";
const ENV_STEPS: &str = "env_steps";

impl Trainer {
    /// A training at its start.
    ///
    /// # Errors
    /// If a setting is out of range, or the environment's tasks are no functions.
    pub fn new(
        env: &dyn EnvFactory,
        config: Config,
        seed: u64,
        pool: Arc<Pool>,
    ) -> Result<Self, LearnError> {
        config.validate()?;
        let no_function = |why| LearnError::Settings(format!("environment: {why}"));
        let size = Sight::parameters(env.spec(), NAME).map_err(no_function)?;
        let functions = env.objectives().ok_or_else(|| {
            let name = &env.spec().name;
            no_function(format!("the tasks of '{name}' cannot be differentiated"))
        })?;
        let mut blueprint = Blueprint::new();
        let rule = Rule::new(&config.rule, size, &mut blueprint);
        if config.start == Start::Learned {
            blueprint.declare("start", &[size], Init::Zeros);
        }
        let layout = blueprint.layout();
        let key = StreamKey::new(seed, Domain::Training, 0);
        let mut values = blueprint.init(&mut key.lane(Purpose::Init, 0));
        // Where the first task would begin, as good as any other.
        if config.start == Start::Learned {
            values[rule.parameters()..].copy_from_slice(functions.draw(&key, 0).start());
        }
        let optimizer = Optimizer::new(config.optimizer, Arc::clone(&layout))?;
        Ok(Self {
            common: Common {
                config,
                functions,
                rule: Arc::new(rule),
                layout,
                size,
                seed,
                spare: Mutex::default(),
            },
            pool,
            learned: Learned { values, optimizer },
            update: 0,
            env_steps: 0,
        })
    }

    /// Updates done.
    pub fn updates_done(&self) -> u64 {
        self.update
    }

    /// Environment steps done.
    pub fn env_steps(&self) -> u64 {
        self.env_steps
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.common.config
    }

    /// What is learned: the rule's parameters, then the start if there is one.
    pub fn values(&self) -> &[f32] {
        &self.learned.values
    }

    /// The rule as a policy.
    pub fn policy(&self) -> Arc<dyn PolicyFactory> {
        let (rule, start) = self.common.parts(&self.learned.values);
        Arc::new(Optimizers {
            rule: Arc::clone(&self.common.rule),
            params: Arc::new(rule.to_vec()),
            start: start.map(|start| Arc::new(start.to_vec())),
            size: self.common.size,
        })
    }

    /// One update: a batch of functions, unrolled once from beginning to end.
    ///
    /// # Errors
    /// If a loss, a gradient or a parameter is not finite; everything is then as before
    /// the update.
    pub fn update(&mut self) -> Result<Metrics, LearnError> {
        let pool = Arc::clone(&self.pool);
        pool.install(|| self.all_of_update())
    }

    fn all_of_update(&mut self) -> Result<Metrics, LearnError> {
        let common = &self.common;
        let mut learned = self.learned.clone();
        let key = StreamKey::new(common.seed, Domain::Training, self.update);
        let groups = common.groups();
        let made = self.pool.map(&groups, |_, group| {
            let own = (group * common.group()) as u64;
            let numbers = own..(own + common.group() as u64).min(common.config.problems as u64);
            let drawn = numbers.map(|lane| common.functions.draw(&key, lane));
            let tile = Tile::new(&common.rule, drawn.collect());
            Member::new(common, tile, &learned.values)
        })?;
        let mut members = made;
        let windows = common.config.steps / common.config.window();
        let rate = common.config.learning_rate;
        let rate = rate.at(self.update, common.config.updates);
        let (mut loss, mut worth, mut norm) = (0.0, 0.0, 0.0);
        for window in 0..windows {
            let key = StreamKey {
                rollout: window as u64,
                ..key
            };
            let values = &learned.values;
            let said = self.pool.map(&mut members[..], |group, member| {
                let mut noise = key.lane(Purpose::Action, group as u64);
                member.window(common, values, &mut noise)
            })?;
            let mut gradient = vec![0.0_f64; values.len()];
            worth = 0.0;
            for (member, said) in members.iter().zip(&said) {
                let share = member.problems() as f64 / common.config.problems as f64;
                loss += share * said.outcome.loss;
                worth += share * said.outcome.worth;
                for (sum, g) in gradient.iter_mut().zip(&said.gradient) {
                    *sum += share * f64::from(*g);
                }
            }
            let mut gradient: Vec<f32> = gradient.iter().map(|g| *g as f32).collect();
            let most = common.config.max_gradient_norm;
            let failed = |source| self.failed(source);
            norm += clip_gradient(&common.layout, &mut gradient, most).map_err(failed)?;
            let stepped = learned
                .optimizer
                .update(&mut learned.values, &gradient, rate);
            stepped.map_err(failed)?;
        }
        let counts = [
            ("the loss that counts", loss),
            ("what the ends of unrolls are worth", worth),
        ];
        LearnError::expect_finite(self.update + 1, &counts, "the environment's size", LOWER)?;
        self.learned = learned;
        self.update += 1;
        self.env_steps += common.rows();
        Ok(Metrics {
            update: self.update,
            env_steps: self.env_steps,
            mean_return: worth,
            meta_loss: loss,
            gradient_norm: norm / windows as f64,
        })
    }

    fn failed(&self, source: NetsError) -> LearnError {
        LearnError::step(self.update + 1, None, source, LOWER)
    }

    /// All that a later process needs to go on with identical results. Streams are derived
    /// from the seed and the update, and no unroll goes on beyond its update.
    ///
    /// # Errors
    /// If a number in it is not finite: nothing could go on from there.
    pub fn checkpoint(&self) -> Result<Tree, LearnError> {
        let tree = Tree::default()
            .with_branch(PARAMS, self.common.layout.split(&self.learned.values)?)
            .with_branch(OPTIMIZER, self.learned.optimizer.state())
            .with_count(UPDATE, self.update)
            .with_count(ENV_STEPS, self.env_steps);
        tree.expect_storable()?;
        Ok(tree)
    }

    /// Goes back to a checkpoint of the same rule.
    ///
    /// # Errors
    /// If an array is missing, unknown or of another shape; nothing is changed then.
    pub fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        checkpoint.expect_only(&[PARAMS, OPTIMIZER, UPDATE, ENV_STEPS])?;
        let mut learned = self.learned.clone();
        learned.values = self.common.layout.join(&checkpoint.branch(PARAMS))?;
        learned.optimizer.restore(&checkpoint.branch(OPTIMIZER))?;
        let (update, env_steps) = (checkpoint.count(UPDATE)?, checkpoint.count(ENV_STEPS)?);
        (self.learned, self.update, self.env_steps) = (learned, update, env_steps);
        Ok(())
    }
}

/// Settings that are worth lowering where numbers are not finite.
const LOWER: &str = "learned-optimizer.learning_rate or learned-optimizer.max_gradient_norm";

impl Common {
    /// The rule's parameters, and the start if it is learned.
    fn parts<'a>(&self, values: &'a [f32]) -> (&'a [f32], Option<&'a [f32]>) {
        let (rule, start) = values.split_at(self.rule.parameters());
        (rule, Some(start).filter(|start| !start.is_empty()))
    }

    /// Functions of a group, which are worked on side by side.
    fn group(&self) -> usize {
        self.config.group(self.size)
    }

    fn groups(&self) -> Vec<usize> {
        (0..self.config.problems.div_ceil(self.group())).collect()
    }

    fn counting(&self) -> Counting {
        Counting {
            steps: self.config.steps,
            last: self.config.loss == Counted::Last,
        }
    }

    /// A perturbation of every value that a window reads: of the start only where it
    /// begins there. That of another window would be noise that no loss depends on.
    fn perturbation(&self, deviation: f64, begins: bool, noise: &mut Stream) -> Vec<f32> {
        let (rule, all) = (self.rule.parameters(), self.layout.numel());
        let mut normal = || -> f32 { noise.sample(StandardNormal) };
        let read = if begins { all } else { rule };
        let mut epsilon: Vec<f32> = (0..read).map(|_| deviation as f32 * normal()).collect();
        epsilon.resize(all, 0.0);
        epsilon
    }

    /// Rows of functions that an update takes.
    fn rows(&self) -> u64 {
        let courses = match self.config.training {
            TrainingConfig::Es(_) => 3,
            TrainingConfig::Pes(_) => 2,
            TrainingConfig::Gradient { .. } | TrainingConfig::Reptile => 1,
        };
        courses * self.config.problems as u64 * (self.config.steps as u64 + 1)
    }
}

/// A group of functions in an update.
struct Member {
    tile: Tile,
    /// Where the rule is; with persistent evolution strategies, where both members of the
    /// pair are.
    courses: Vec<Course<f32>>,
    /// All perturbations since the unroll began.
    perturbed: Vec<f32>,
}

/// What a window says.
struct Said {
    outcome: Outcome,
    gradient: Vec<f32>,
}

impl Member {
    fn new(common: &Common, tile: Tile, values: &[f32]) -> Self {
        let (_, start) = common.parts(values);
        let pair = matches!(common.config.training, TrainingConfig::Pes(_));
        let course = tile.begin(&common.rule, start);
        let size = if pair { values.len() } else { 0 };
        Self {
            tile,
            courses: vec![course; if pair { 2 } else { 1 }],
            perturbed: vec![0.0; size],
        }
    }

    fn problems(&self) -> usize {
        self.tile.problems()
    }

    /// Goes on for a window, and says by which gradient the rule gets better.
    fn window(&mut self, common: &Common, values: &[f32], noise: &mut Stream) -> Said {
        match common.config.training {
            TrainingConfig::Gradient { order, .. } => self.unroll(common, values, order.into()),
            TrainingConfig::Es(perturbed) => self.evolve(common, values, (perturbed, noise)),
            TrainingConfig::Pes(perturbed) => self.persist(common, values, (perturbed, noise)),
            TrainingConfig::Reptile => self.arrive(common, values),
        }
    }

    fn unroll(&mut self, common: &Common, values: &[f32], order: Order) -> Said {
        let (rule, start) = common.parts(values);
        let window = (common.config.window(), common.counting());
        let first = self.courses[0].step == 0;
        let spare = || common.spare.lock().expect("no holder panics");
        let taken = spare().pop();
        let mut recorder = taken.unwrap_or_default();
        let course = &mut self.courses[0];
        let outcome = self
            .tile
            .record(&common.rule, rule, course, window, &mut recorder);
        let mut gradient = vec![0.0; values.len()];
        let (of_rule, of_start) = gradient.split_at_mut(rule.len());
        let of_start = (start.is_some() && first).then_some(of_start);
        let recorded = (&mut recorder, order);
        self.tile
            .differentiate(&common.rule, rule, recorded, of_rule, of_start);
        spare().push(recorder);
        Said { outcome, gradient }
    }

    /// Both members of a pair begin where the rule is, which itself goes on undisturbed.
    fn evolve(
        &mut self,
        common: &Common,
        values: &[f32],
        (perturbed, noise): (Perturbation, &mut Stream),
    ) -> Said {
        let window = (perturbed.truncation, common.counting());
        let begins = self.courses[0].step == 0;
        let epsilon = common.perturbation(perturbed.deviation, begins, noise);
        let losses = [1.0, -1.0].map(|sign| {
            let values = moved(values, &epsilon, sign);
            let (rule, start) = common.parts(&values);
            let mut course = match begins {
                true => self.tile.begin(&common.rule, start),
                false => self.courses[0].clone(),
            };
            self.tile.run(&common.rule, rule, &mut course, window).loss
        });
        let (rule, _) = common.parts(values);
        let course = &mut self.courses[0];
        let outcome = self.tile.run(&common.rule, rule, course, window);
        let gradient = difference(losses, &epsilon, perturbed.deviation);
        Said { outcome, gradient }
    }

    /// Both members of the pair go on where they are.
    fn persist(
        &mut self,
        common: &Common,
        values: &[f32],
        (perturbed, noise): (Perturbation, &mut Stream),
    ) -> Said {
        let window = (perturbed.truncation, common.counting());
        let begins = self.courses[0].step == 0;
        let epsilon = common.perturbation(perturbed.deviation, begins, noise);
        let mut outcomes = [Outcome::default(); 2];
        for (member, sign) in [1.0, -1.0].into_iter().enumerate() {
            let values = moved(values, &epsilon, sign);
            let (rule, start) = common.parts(&values);
            if begins {
                self.courses[member] = self.tile.begin(&common.rule, start);
            }
            let course = &mut self.courses[member];
            outcomes[member] = self.tile.run(&common.rule, rule, course, window);
        }
        for (sum, epsilon) in self.perturbed.iter_mut().zip(&epsilon) {
            *sum += epsilon;
        }
        let [plus, minus] = outcomes;
        let losses = [plus.loss, minus.loss];
        Said {
            outcome: Outcome {
                loss: 0.5 * (plus.loss + minus.loss),
                worth: 0.5 * (plus.worth + minus.worth),
            },
            gradient: difference(losses, &self.perturbed, perturbed.deviation),
        }
    }

    /// The start is pulled to where steps from it lead.
    fn arrive(&mut self, common: &Common, values: &[f32]) -> Said {
        let (rule, start) = common.parts(values);
        let window = (common.config.window(), common.counting());
        let course = &mut self.courses[0];
        let outcome = self.tile.run(&common.rule, rule, course, window);
        let mut gradient = vec![0.0; values.len()];
        let share = 1.0 / self.tile.problems() as f32;
        let all = self.tile.problems() * common.size;
        let ends = course.theta[..all].chunks_exact(common.size);
        for end in ends {
            let to = gradient[rule.len()..].iter_mut();
            for ((g, end), start) in to.zip(end).zip(start.unwrap_or_default()) {
                *g += share * (start - end);
            }
        }
        Said { outcome, gradient }
    }
}

fn moved(values: &[f32], epsilon: &[f32], sign: f32) -> Vec<f32> {
    let both = values.iter().zip(epsilon);
    both.map(|(value, epsilon)| value + sign * epsilon)
        .collect()
}

/// (L₊ − L₋) ξ / (2 σ²)
fn difference([plus, minus]: [f64; 2], perturbed: &[f32], deviation: f64) -> Vec<f32> {
    let scale = (plus - minus) / (2.0 * deviation * deviation);
    perturbed
        .iter()
        .map(|xi| (scale * f64::from(*xi)) as f32)
        .collect()
}

#[cfg(test)]
#[path = "trainer_tests.rs"]
mod tests;
