//! After a first call of each kind nothing is allocated.

use crate::common::{Case, network};
use allocation_counter::measure;
use kernels::mlp::{Activation, Acts, Cache, Head, Mlp, Old, Prepared, Tangent, Weights};
use kernels::*;

struct Buffers {
    memory: Vec<f32>,
    logits: Vec<f32>,
    values: Vec<f32>,
    d_logits: Vec<f32>,
    d_values: Vec<f32>,
    gradient: Vec<f32>,
    actions: Vec<u32>,
    log_probs: Vec<f32>,
}

/// A network and all that a thread has for it.
struct Thread {
    network: Network<Recurrent>,
    work: NetworkWork<Workspace>,
    policy: Categorical,
}

impl Thread {
    fn bytes(&self) -> f64 {
        (self.work.trunk.bytes() + self.work.heads.bytes()) as f64
    }
}

fn everything(case: &Case, thread: &mut Thread, b: &mut Buffers) {
    let Thread {
        network,
        work,
        policy,
    } = thread;
    let spec = LossSpec {
        objective: Objective::Clipped { clip: 0.2 },
        value_coef: 0.5,
        entropy_coef: 0.01,
    };
    network.pack(&case.params);
    b.memory.fill(0.0);
    let lanes = case.lanes;
    for t in 0..case.steps {
        let logits = &mut b.logits[..lanes * case.shape.actions];
        let outputs = Outputs {
            policy: &mut *logits,
            values: &mut b.values[..lanes],
        };
        network.step(work, &case.inputs_of(t, t + 1), &mut b.memory, outputs);
        let choices = Choices {
            actions: &mut b.actions,
            log_probs: &mut b.log_probs,
        };
        policy.sample(logits, &case.prev_reward[..lanes], choices);
    }
    let outputs = Outputs {
        policy: &mut b.logits,
        values: &mut b.values,
    };
    network.forward(work, case.trials(), outputs);
    let gradients = LossGradients {
        policy: &mut b.d_logits,
        values: &mut b.d_values,
    };
    policy.loss(&spec, &case.samples(), (&b.logits, &b.values), gradients);
    let gradients = OutputGradients {
        policy: &b.d_logits,
        values: &b.d_values,
    };
    network.backward(work, case.trials(), gradients, &mut b.gradient);
}

#[test]
fn nothing_is_allocated_after_the_first_call() {
    for cell in [Cell::Gru, Cell::Lstm] {
        for observation in [
            Observation::None,
            Observation::Dense(5),
            Observation::OneHot(9),
        ] {
            let shape = Shape {
                cell,
                observation,
                hidden: 33,
                actions: 7,
            };
            let case = Case::new(shape, 20, 11, 1);
            let smaller = Case::new(shape, 3, 4, 2);
            let mut network = network(shape, Isa::best());
            let counted = network.bytes(case.lanes, case.steps);
            let held = measure(|| network.pack(&case.params)).bytes_current as f64;
            assert!(
                (counted.packed..counted.packed + 10.0 * 64.0).contains(&held),
                "{shape:?}: {held}"
            );
            let mut thread = Thread {
                work: network.work(),
                network,
                policy: Categorical::new(shape.actions, Isa::best()),
            };
            let mut memory = case.memory();
            thread.network.step(
                &mut thread.work,
                &case.inputs_of(0, 1),
                &mut memory,
                Outputs {
                    policy: &mut vec![0.0; case.lanes * shape.actions],
                    values: &mut vec![0.0; case.lanes],
                },
            );
            let acting = thread.bytes() + 4.0 * memory.len() as f64;
            assert_eq!(acting, counted.acting, "{shape:?}, a step");
            let buffers = |case: &Case| {
                let rows = case.lanes * case.steps;
                Buffers {
                    memory: case.memory(),
                    logits: vec![0.0; rows * shape.actions],
                    values: vec![0.0; rows],
                    d_logits: vec![0.0; rows * shape.actions],
                    d_values: vec![0.0; rows],
                    gradient: vec![0.0; case.params.len()],
                    actions: vec![0; case.lanes],
                    log_probs: vec![0.0; case.lanes],
                }
            };
            let (mut large, mut small) = (buffers(&case), buffers(&smaller));
            let first = measure(|| everything(&case, &mut thread, &mut large));
            assert!(first.count_total > 0, "the counter counts");
            // What is counted beforehand is what is then held, buffers being made of
            // whole cache lines.
            assert_eq!(thread.bytes(), counted.learning, "{shape:?}");
            let later = measure(|| {
                everything(&case, &mut thread, &mut large);
                everything(&smaller, &mut thread, &mut small);
                everything(&case, &mut thread, &mut large);
            });
            assert_eq!(later.count_total, 0, "{shape:?}");
        }
    }
}

#[test]
fn continuous_actions_allocate_nothing_after_their_policy_is_made() {
    let (rows, width) = (37, 3);
    let mut policy = Gaussian::new(width, Isa::best());
    let held = measure(|| drop(Gaussian::new(width, Isa::best()))).bytes_max as f64;
    let counted = Gaussian::bytes(width);
    assert!(
        (counted..counted + 64.0).contains(&held),
        "{held} of {counted}"
    );
    let [means, mut actions] = [0.1, 0.2].map(|x| vec![x; rows * width]);
    let [values, mut log_probs, mut d_values] = [0.1, 0.2, 0.3].map(|x| vec![x; rows]);
    let log_std = vec![-0.5; width];
    let (mut d_means, mut d_log_std) = (vec![0.0; rows * width], vec![0.0; width]);
    let used = measure(|| {
        policy.sample((&means, &log_std), &mut actions);
        policy.log_probs((&means, &log_std), &actions, &mut log_probs);
        let samples = Samples {
            actions: &actions,
            old_log_probs: &log_probs,
            advantages: &values,
            returns: &values,
            weights: &values,
        };
        let spec = LossSpec {
            objective: Objective::PolicyGradient,
            value_coef: 0.5,
            entropy_coef: 0.01,
        };
        let outputs = GaussianOutputs {
            means: &means,
            log_std: &log_std,
            values: &values,
        };
        let gradients = LossGradients {
            policy: &mut d_means,
            values: &mut d_values,
        };
        policy.loss(&spec, &samples, outputs, (gradients, &mut d_log_std));
    });
    assert_eq!(used.count_total, 0);
}

/// All that a learner asks of a network with a policy head.
fn every_derivative(policy: &Mlp, samples: usize, cache: &mut Cache<f32>, work: &mut Derivatives) {
    let Derivatives {
        params,
        obs,
        actions,
        rows,
        tangent,
        prepared,
        out,
    } = work;
    let acts = Acts::Vector(&actions[..samples * policy.outputs()]);
    let weight = &rows[..samples];
    policy.forward(params, &obs[..samples * policy.inputs()], samples, cache);
    policy.tangent(params, cache, tangent);
    policy.score(cache, acts, weight, out);
    policy.score_tangent(cache, tangent, acts, weight, Some(weight), out);
    policy.fisher_vector(cache, params, weight, out);
    policy.prepare_score(cache, acts, weight, prepared);
    let given = (acts, weight, Weights::Ratios);
    policy.score_product(cache, params, given, Some(prepared), out);
    let old = Old {
        outputs: &actions[..samples * policy.outputs()],
        log_std: &params[policy.log_std()],
    };
    policy.kl(cache, old, weight);
    policy.kl_gradient_tangent(cache, tangent, old, weight, out);
    policy.log_probs(cache, acts, &mut rows[..samples]);
}

struct Derivatives {
    params: Vec<f32>,
    obs: Vec<f32>,
    actions: Vec<f32>,
    rows: Vec<f32>,
    tangent: Tangent<f32>,
    prepared: Prepared<f32>,
    out: Vec<f32>,
}

#[test]
fn networks_allocate_nothing_after_the_first_call() {
    for hidden in [&[][..], &[33, 16]] {
        let policy = Mlp::new(3, hidden, 2, Activation::Tanh, Head::Gaussian).unwrap();
        let value = Mlp::new(3, &[20], 1, Activation::Relu, Head::None).unwrap();
        let mut work = Derivatives {
            params: vec![0.1; policy.parameters()],
            obs: vec![1.0; 600],
            actions: vec![0.5; 400],
            rows: vec![0.2; 200],
            tangent: Tangent::new(),
            prepared: Prepared::new(),
            out: vec![0.0; policy.parameters()],
        };
        let value_params = vec![0.1; value.parameters()];
        let (mut cache, mut values) = (Cache::new(), Cache::new());
        let held = measure(|| every_derivative(&policy, 200, &mut cache, &mut work));
        let counted = [
            policy.cache_bytes(200),
            policy.gradient_bytes(),
            policy.product_bytes(),
            policy.tangent_bytes(200),
            policy.prepared_bytes(200),
        ];
        let (held, counted) = (held.bytes_current as f64, counted.iter().sum::<f64>());
        assert!(
            held <= counted && counted < 1.3 * held,
            "{held} of {counted}"
        );
        (cache, work.tangent, work.prepared) = (Cache::new(), Tangent::new(), Prepared::new());
        let mut all = |samples| {
            let info = measure(|| {
                every_derivative(&policy, samples, &mut cache, &mut work);
                let obs = &work.obs[..3 * samples];
                value.forward(&value_params, obs, samples, &mut values);
            });
            info.count_total
        };
        assert!(all(200) > 0, "the counter counts");
        assert_eq!(all(200) + all(13) + all(200), 0);
    }
}
