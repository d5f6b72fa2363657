//! Agents that other programs compute.

use crate::error::LearnError;
use crate::input::{Input, Inputs};
use crate::model::ActorCritic;
use export::{Actions, Array, Join, Network, Part, Scan, Trace, Trunk};
use nets::{Feed, SequenceConfig, Stack};
use rl_core::{
    ActRow, ActionSpace, ActionsMut, Domain, EnvFactory, PolicyFactory, Rollout, Row, StreamKey,
};
use std::ops::Range;

/// Numbers of [`Input::TimeLeft`].
const TIME_LEFT: usize = 2;
/// Numbers of [`Input::Noise`].
const NOISE: usize = 1;
/// How long an agent is watched.
const STEPS: usize = 100;
/// In how many lanes.
const LANES: usize = 4;

/// An agent that other programs compute.
#[derive(Clone, Debug)]
pub struct Portable {
    /// Its network, which is told what the agent is told and nothing else.
    pub network: Network,
    inputs: Inputs,
    /// Columns of the agent's inputs that the network is told, part by part.
    told: Vec<Range<usize>>,
}

impl Portable {
    /// A network on a trunk that can be written down.
    ///
    /// # Errors
    /// If that cannot: what can.
    pub(crate) fn new(
        model: &ActorCritic,
        trunk: &SequenceConfig,
        values: &[f32],
    ) -> Result<Self, LearnError> {
        let refused = |what: &str| {
            let key = format!("{}.trunk.kind", model.of);
            let allowed = "\"gru\", \"lstm\", \"min-gru\" or \"lru\", with nothing around it, in an agent \
                           that is exported";
            Err(LearnError::config(key, what, allowed))
        };
        let blocks = |of: Stack, scan| Trunk::Blocks {
            hidden: of.hidden,
            layers: of.layers,
            scan,
            gated: (of.feed == Feed::Gated).then_some(of.units),
            join: match of.join {
                nets::Join::Sum => Join::Sum,
                nets::Join::Gru => Join::Gated,
            },
        };
        let plain = match trunk {
            SequenceConfig::Gru(of) | SequenceConfig::Lstm(of) => of.around.is_nothing(),
            _ => true,
        };
        let trunk = match trunk {
            SequenceConfig::Gru(of) if plain => Trunk::Gru { hidden: of.hidden },
            SequenceConfig::Lstm(of) if plain => Trunk::Lstm { hidden: of.hidden },
            SequenceConfig::MinGru(of) => blocks(of.stack(), Scan::Average),
            SequenceConfig::Lru(of) => blocks(of.stack(), Scan::Complex),
            SequenceConfig::Gru(_) | SequenceConfig::Lstm(_) => {
                return refused("what is `around` the layer");
            }
            SequenceConfig::Mlp { .. } => return refused("\"mlp\""),
            SequenceConfig::Index(_) => return refused("\"index\""),
            SequenceConfig::FastWeight(_) => return refused("\"fast-weight\""),
            SequenceConfig::Transformer(_) => return refused("\"transformer\""),
            SequenceConfig::Snail(_) => return refused("\"snail\""),
            SequenceConfig::Mann(_) => return refused("\"mann\""),
            SequenceConfig::Episodic(_) => return refused("\"episodic\""),
        };
        let (inputs, told): (Vec<Part>, Vec<_>) = parts(&model.inputs).into_iter().unzip();
        if inputs.is_empty() {
            let key = format!("{}.inputs", model.of);
            let allowed = "at least one, in an agent that is exported";
            return Err(LearnError::config(key, "[]", allowed));
        }
        let mut arrays: Vec<Array> = model
            .layout()
            .entries()
            .iter()
            .map(|entry| Array::new(&entry.name, &entry.shape, values[entry.range()].to_vec()))
            .collect();
        narrow(&mut arrays, &model.inputs, &told);
        turn(&mut arrays);
        let action = model.inputs.action_space();
        boxed(&mut arrays, action);
        let actions = match action {
            ActionSpace::Discrete { size } => Actions::Discrete(*size),
            ActionSpace::Box { low, .. } => Actions::Box(low.len()),
        };
        Ok(Self {
            network: Network {
                inputs,
                trunk,
                actions,
                arrays,
            },
            inputs: model.inputs.clone(),
            told,
        })
    }

    /// What the agent is told and gives in some fresh trials of an environment, by its own
    /// policy: one that samples among discrete actions, or gives the mean of others.
    ///
    /// # Errors
    /// If the policy cannot act there.
    pub fn trace(
        &self,
        env: &dyn EnvFactory,
        policy: &dyn PolicyFactory,
        seed: u64,
    ) -> Result<Trace, String> {
        let mut policy = policy.make(env.spec(), LANES)?;
        let mut rollout = Rollout::new(env.make(LANES), STEPS);
        rollout.begin(&StreamKey::new(seed, Domain::HeldOut, 0), 0);
        let outputs = self.network.actions.outputs();
        let mut trace = Trace {
            steps: STEPS,
            lanes: LANES,
            inputs: vec![Vec::new(); self.told.len()],
            starts: Vec::new(),
            policy: Vec::new(),
            values: Vec::new(),
        };
        let mut given = vec![0.0; LANES * outputs];
        while !rollout.is_full() {
            let (row, streams, out) = rollout.acting();
            self.tell(&row, &mut trace);
            let ActRow {
                log_prob, value, ..
            } = out;
            match out.action {
                ActionsMut::Discrete(actions) => {
                    let out = ActRow {
                        action: ActionsMut::Discrete(actions),
                        log_prob,
                        value: &mut *value,
                        label: &mut given,
                    };
                    policy.advise(&row, streams, out);
                }
                ActionsMut::Box {
                    width,
                    row: actions,
                } => {
                    let out = ActRow {
                        action: ActionsMut::Box {
                            width,
                            row: &mut *actions,
                        },
                        log_prob,
                        value: &mut *value,
                        label: &mut [],
                    };
                    policy.act(&row, streams, out);
                    given.copy_from_slice(actions);
                }
            }
            trace.policy.extend(&given);
            trace.values.extend(&*value);
            rollout.step();
        }
        Ok(trace)
    }

    /// Adds what a row tells to a trace.
    fn tell(&self, row: &Row<'_>, trace: &mut Trace) {
        let size = self.inputs.size();
        let mut inputs = vec![0.0; row.lanes * size];
        self.inputs.write(row, &mut inputs);
        for (part, columns) in trace.inputs.iter_mut().zip(&self.told) {
            for lane in inputs.chunks_exact(size) {
                part.extend(&lane[columns.clone()]);
            }
        }
        trace
            .starts
            .extend(row.start.iter().map(|start| f32::from(u8::from(*start))));
    }
}

/// What an agent is told, and where that is among its inputs.
fn parts(inputs: &Inputs) -> Vec<(Part, Range<usize>)> {
    let shown = |input, width: usize| if inputs.shows(input) { width } else { 0 };
    let (time_left, arrival, noise) = (
        shown(Input::TimeLeft, TIME_LEFT),
        shown(Input::Arrival, inputs.observation_size()),
        shown(Input::Noise, NOISE),
    );
    let observation = match inputs.is_symbol() {
        true => "the symbol that is observed, one-hot",
        false => "what is observed",
    };
    let action = match inputs.action_space() {
        ActionSpace::Discrete { .. } => {
            "what was done at the step before, one-hot; zeros where a trial begins".to_owned()
        }
        ActionSpace::Box { low, high } => format!(
            "what was done at the step before, (2 a - high - low) / (high - low) of the box \
             {low:?} to {high:?}, at most 1 either way; zeros where a trial begins"
        ),
    };
    let reward = "what the step before gave, as the environment says it, not scaled; 0 where a \
                  trial begins";
    let outcome = "1 where an episode begins, also the first of a trial; else 0";
    let all = [
        (
            Input::Observation,
            "observation",
            inputs.observation_size(),
            observation,
        ),
        (
            Input::TimeLeft,
            "time_left",
            time_left,
            "the shares of the trial's steps and of the episode's that are left, both 1 at \
             first; every step takes one of each, and in trials of so many episodes one that \
             ends early takes all of its own",
        ),
        (
            Input::Statistics,
            "statistics",
            inputs.told_size() - time_left - arrival - noise,
            "what the trial came to so far, as the environment sums it up",
        ),
        (
            Input::Arrival,
            "arrival",
            arrival,
            "where an episode begins after one that was cut off, what that one ended with, as the \
             observation is written; elsewhere zeros",
        ),
        (
            Input::Noise,
            "noise",
            noise,
            "a number that is drawn where an episode begins, uniformly from 0 to below 1, and \
             held in it",
        ),
        (
            Input::Action,
            "previous_action",
            inputs.action_size(),
            &action,
        ),
        (Input::Reward, "previous_reward", 1, reward),
        (Input::Outcome, "episode_begins", 1, outcome),
    ];
    let mut parts = Vec::new();
    let mut begin = 0;
    for (input, name, width, meaning) in all {
        let columns = begin..begin + width;
        begin = columns.end;
        if inputs.shows(input) && width > 0 {
            let meaning = meaning.to_owned();
            parts.push((
                Part {
                    name,
                    width,
                    meaning,
                },
                columns,
            ));
        }
    }
    parts
}

/// Leaves out the first layer's columns of what is not told, which are zeros: all but the
/// first symbol's, which stands for every one.
fn narrow(arrays: &mut [Array], inputs: &Inputs, told: &[Range<usize>]) {
    let first = |array: &&mut Array, ends: [&str; 2]| ends.contains(&array.name.as_str());
    let weights = ["trunk.weight_ih", "trunk.input.weight"];
    let weight = arrays.iter_mut().find(|array| first(array, weights));
    let weight = weight.expect("every trunk begins with a layer");
    let (rows, width) = (weight.shape[0], weight.shape[1]);
    let whole = std::mem::take(&mut weight.values);
    for row in whole.chunks_exact(width) {
        let kept = told.iter().flat_map(|columns| &row[columns.clone()]);
        weight.values.extend(kept);
    }
    weight.shape[1] = weight.values.len() / rows;
    if inputs.is_symbol() && !inputs.shows(Input::Observation) {
        let biases = ["trunk.bias_ih", "trunk.input.bias"];
        let bias = arrays.iter_mut().find(|array| first(array, biases));
        let bias = bias.expect("every trunk begins with a layer");
        for (bias, row) in bias.values.iter_mut().zip(whole.chunks_exact(width)) {
            *bias += row[0];
        }
    }
}

/// Puts what linear recurrences multiply by in the place of decays and angles:
/// λ = exp(−exp(decay) + i angle), and √(1 − |λ|²).
fn turn(arrays: &mut Vec<Array>) {
    let ends = |array: &Array, end: &str| array.name.ends_with(end);
    while let Some(at) = arrays.iter().position(|array| ends(array, ".decay")) {
        let (decay, angle) = (arrays.remove(at), arrays.remove(at));
        let block = decay.name.trim_end_matches(".decay");
        let lambda = decay.values.iter().zip(&angle.values);
        let lambda = lambda.map(|(decay, angle)| (f64::from(*decay).exp(), f64::from(*angle)));
        let mut add = |name: &str, of: &dyn Fn((f64, f64)) -> f64| {
            let values = lambda.clone().map(|turn| of(turn) as f32).collect();
            arrays.push(Array::new(format!("{block}.{name}"), &decay.shape, values));
        };
        add("re", &|(rate, angle)| (-rate).exp() * angle.cos());
        add("im", &|(rate, angle)| (-rate).exp() * angle.sin());
        add("factor", &|(rate, _)| (-(-2.0 * rate).exp_m1()).sqrt());
    }
}

/// Puts standard deviations in the units of a box in the place of their logarithms, beside
/// the middle and the half-widths.
fn boxed(arrays: &mut Vec<Array>, space: &ActionSpace) {
    let ActionSpace::Box { low, high } = space else {
        return;
    };
    let at = arrays
        .iter()
        .position(|array| array.name == "policy.log_std");
    let log_std = arrays.remove(at.expect("a box has deviations"));
    let ends = || low.iter().zip(high);
    let middle = ends().map(|(low, high)| 0.5 * (low + high)).collect();
    let half: Vec<f32> = ends().map(|(low, high)| 0.5 * (high - low)).collect();
    let std = half.iter().zip(&log_std.values);
    let std = std.map(|(half, log_std)| half * log_std.exp()).collect();
    for (name, values) in [
        ("action.middle", middle),
        ("action.half_width", half),
        ("policy.std", std),
    ] {
        arrays.push(Array::new(name, &[low.len()], values));
    }
}
