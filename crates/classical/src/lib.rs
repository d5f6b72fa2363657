//! Learners without networks, as policies on the common interface: what a
//! meta-learned agent is compared with. [`learner`] makes them by name.
//!
//! This crate must not know of any environment, network, thread or file. A
//! learner reads what every policy reads (the previous action and its reward)
//! and draws from each lane's own stream only. All of them forget what they
//! know when a trial begins; those for bandits never look at observations.
//!
//! | name | what it does |
//! |---|---|
//! | `random` | acts uniformly at random, in any environment |
//! | `greedy` | pulls the arm of the highest estimate |
//! | `epsilon-greedy` | pulls any arm, uniformly, with probability `epsilon`, else as `greedy` |
//! | `ucb1` | before pull t (from 1), pulls the arm of the highest estimate + `c` √(2 ln t / (2 + m)) (Auer et al. 2002, scaled by `c`) |
//! | `ucb-v` | the same with the empirical Bernstein bound: `zeta` weights exploration, `c` the term without variance (Audibert et al. 2009) |
//! | `kl-ucb` | the same with the bound of coins: the highest q with (2 + m) kl(estimate, q) ≤ `scale` (ln t + `c` ln ln t) (Garivier and Cappé 2011, scaled) |
//! | `bayes-ucb`, `bayes-ucb-gaussian`, `bayes-ucb-normal-gamma` | pulls the arm whose posterior has the highest quantile of 1 − 1 / (t (ln n)^`c`) in a trial of n pulls (Kaufmann et al. 2012) |
//! | `thompson` | draws every arm's mean from its Beta posterior and pulls the arm of the highest draw (Thompson 1933) |
//! | `thompson-gaussian`, `thompson-normal-gamma` | the same for Gaussian rewards, of known deviation `noise` or of unknown; the prior is given by keys |
//! | `optimistic-thompson` | the same where no draw counts for less than the posterior mean (May et al. 2012) |
//! | `ots` | the same with the draw, of all arms together, of the highest posterior density out of `samples`: what Duan et al. 2016 call OTS |
//! | `gittins` | pulls the arm of the highest Gittins index, rewards being discounted by `discount` (Gittins 1979) |
//! | `gittins-finite` | the same with the index for the pulls that are left |
//! | `exp3`, `tsallis-inf`, `ftrl-log-barrier` | follow the regularized leader over importance-weighted losses, with negative entropy (Auer et al. 2002), Tsallis' entropy of order 1/2 (Zimmert and Seldin 2021; `reduced_variance` = 1 takes their second estimator) and the log barrier (Foster et al. 2016); `rate` multiplies the published learning rate |
//!
//! An arm that gave the rewards r₁ … r_m is estimated at (1 + Σ r) / (2 + m):
//! where rewards are 0 or 1 that is its posterior mean under a uniform prior.
//! Rewards are expected within \[0, 1\], and others merely shift the estimate;
//! learners with Beta posteriors or Gittins indices count a reward in between
//! as a success with that probability (Agrawal and Goyal 2012), and they,
//! `kl-ucb` and those that follow the regularized leader take one outside as
//! the nearer of 0 and 1. The Gaussian ones take any reward. No arm
//! has to be tried first: an untried one is estimated at 1/2. Of arms with
//! equal scores the lowest is pulled. With these conventions the learners earn
//! what Duan et al. 2016 report in table 1; with empirical means and forced
//! first pulls, or with ties broken at random, they do not.
//!
//! Learners for tabular MDPs need observations that tell a state:
//!
//! | name | what it does |
//! |---|---|
//! | `mdp-greedy` | acts optimally in the posterior mean of the MDP |
//! | `mdp-epsilon-greedy` | acts at random with probability `epsilon`, else as `mdp-greedy` |
//! | `psrl` | acts optimally in an MDP drawn from the posterior (Strens 2000; Osband et al. 2013) |
//! | `opsrl` | the same by the highest values in `samples` of them |
//! | `ucrl2` | acts optimally in the most favourable MDP within confidence sets around the posterior mean, `scale` times as wide as published (Jaksch et al. 2010) |
//! | `beb` | as `mdp-greedy`, with a bonus of `beta` / (1 + n) for an action tried n times in a state (Kolter and Ng 2009) |
//! | `beb-fading` | as `beb`, with a bonus of `beta` √left / (1 + n) where so many episodes are left |
//! | `q-lambda` | Watkins's Q(`lambda`) without a model, with steps of `alpha` and exploration `epsilon` |
//!
//! All but the last plan anew when an episode begins, by value iteration over
//! its steps. Their prior is that of Duan et al. 2016: mean rewards are
//! N(`prior_mean`, 1 / `prior_weight`), by default N(1, 1), with noise of
//! variance 1, and transitions Dirichlet(`prior_weight`, …), by default flat.
//! They learn from the last transition of a truncated episode too; a terminated
//! one leads to an end of value 0, believed possible only where it was seen. Of
//! actions with equal values one is taken at random, anew at every step: were it
//! always the same one, an episode that meets a state twice would try nothing
//! new, which costs the greedy learner up to 3 % in table 2 of Duan et al. Their
//! numbers are met with the priors of the code that they ran: `prior_mean = 0`,
//! which is not where the rewards were drawn from, and for the greedy ones and
//! UCRL2 next to no weight (`prior_weight = 0.01`). With the true prior, the
//! default, all but posterior sampling earn more than they report.
//!
//! Where a function of parameters is shown with its gradient ([`rl_core::Sight`]), these
//! move every parameter by the same rule, and begin where the task proposes:
//!
//! | name | what it does |
//! |---|---|
//! | `sgd` | steps down the gradient |
//! | `momentum` | steps along a sum of gradients of which it keeps `momentum` (Polyak 1964) |
//! | `rmsprop` | divides each gradient by the root of its mean square (Tieleman and Hinton 2012) |
//! | `adam` | divides the gradient's mean by that, both without their bias (Kingma and Ba 2015) |
//!
//! [`posterior`] has the Bayesian online learners that these are made of, and
//! [`FtrlProximal`] is an online learner of linear and logistic models.

mod bandit;
mod descent;
mod ftrl_proximal;
pub mod posterior;
mod registry;
mod tabular;

pub use bandit::{finite_gittins_indices, simplex};
pub use ftrl_proximal::{FtrlError, FtrlProximal, FtrlSettings, Loss};
pub use registry::{Family, LearnerInfo, learner, learners};
