//! A learned rule as a policy: it sees value and gradient, and says where to go.

use crate::course::{Course, Room};
use crate::rule::Rule;
use kernels::Isa;
use kernels::lanes::padded;
use rl_core::{
    ActRow, ActionSpace, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Sight, Stream,
};
use std::sync::Arc;

/// A rule with its parameters.
pub(crate) struct Optimizers {
    pub(crate) rule: Arc<Rule>,
    pub(crate) params: Arc<Vec<f32>>,
    /// Where every task begins, if it is learned. `[parameters]`
    pub(crate) start: Option<Arc<Vec<f32>>>,
    /// Parameters of the functions that it was trained on.
    pub(crate) size: usize,
}

impl PolicyFactory for Optimizers {
    fn name(&self) -> String {
        crate::config::NAME.to_owned()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let size = Sight::parameters(spec, &self.name())?;
        if size != self.size && (self.start.is_some() || !self.rule.any_size()) {
            return Err(format!(
                "this agent has learned where to begin, or a rate for each parameter, of \
                 functions of {} parameters, and '{}' has functions of {size}",
                self.size, spec.name
            ));
        }
        let coordinates = padded(size);
        let course = Course::new(&self.rule, size);
        let ActionSpace::Box { high, .. } = &spec.action else {
            return Err("parameters are no index".to_owned());
        };
        Ok(Box::new(Optimizing {
            isa: Isa::best(),
            rule: Arc::clone(&self.rule),
            params: Arc::clone(&self.params),
            start: self.start.clone(),
            size,
            limit: high[0],
            room: Room::new(&self.rule, coordinates),
            courses: vec![course; lanes],
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        let rows = 3 + 2 * self.rule.hidden * self.rule.layers.len();
        let room = 8 + 6 * self.rule.hidden * self.rule.layers.len();
        4.0 * padded(spec.action.width()) as f64 * (rows * lanes + room) as f64
    }
}

/// One at work.
struct Optimizing {
    isa: Isa,
    rule: Arc<Rule>,
    params: Arc<Vec<f32>>,
    start: Option<Arc<Vec<f32>>>,
    size: usize,
    limit: f32,
    room: Room<f32>,
    courses: Vec<Course<f32>>, // [lanes]
}

impl Policy for Optimizing {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let ActionsMut::Box { row: actions, .. } = out.action else {
            return; // `make` has refused other actions.
        };
        let (size, width) = (self.size, Sight::width(self.size));
        for (lane, course) in self.courses.iter_mut().enumerate() {
            let sight = Sight::of(&row.observation[lane * width..(lane + 1) * width]);
            let to = &mut actions[lane * size..(lane + 1) * size];
            if row.start[lane] {
                course.forget();
                to.copy_from_slice(self.start.as_deref().map_or(sight.parameters, |s| s));
                continue;
            }
            course.theta[..size].copy_from_slice(sight.parameters);
            self.room.gradient[..size].copy_from_slice(sight.gradient);
            self.room.loss[..size].fill(sight.value);
            let within = (size, self.limit);
            self.rule
                .advance(self.isa, &self.params, course, &mut self.room, within);
            to.copy_from_slice(&course.theta[..size]);
        }
    }
}
