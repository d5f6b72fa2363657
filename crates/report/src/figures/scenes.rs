//! The trained agent at work in its tasks.

use record::schema::{Behaviour, Pictures, Scene, TaskScenes};

use super::frame::{LABEL, TICK, text, titles};
use super::{Figure, INK, MUTED, WIDTH};
use crate::canvas::{Canvas, Point, Text};
use crate::font::Face;
use crate::picture::{draw_at, draw_episodes, size};
use crate::setting::Setting;
use crate::text::{capitalized, count, fixed};

/// Left and right edge of what is drawn, and room between panels.
const EDGE: f64 = 14.0;
const GAP: f64 = 18.0;
/// Left of the panels, for the names of tasks where there are several.
const GUTTER: f64 = 96.0;
/// The most pixels that a panel is high, side by side and alone in its row.
const HIGHEST: [f64; 2] = [336.0, 420.0];
/// A picture wider than this many heights has a row of its own.
const WIDE: f64 = 1.8;

/// The pictures of the first run that has some.
pub(super) fn figure(setting: &Setting<'_>) -> Option<Figure> {
    let mut drawn = setting.runs.iter().filter_map(|run| {
        let pictures = run.pictures.as_ref()?;
        let scenes = pictures.tasks.iter().map(|task| task.scenes.len());
        (scenes.sum::<usize>() > 0).then_some((run, pictures))
    });
    let (run, pictures) = drawn.next()?;
    let title = title(&setting.agent(), pictures);
    let mut canvas = Canvas::new(WIDTH, 0);
    let top = titles(&mut canvas, &title, &setting.subtitle_of_run(run)) + 12.0;
    let bottom = Panels::of(pictures).draw(&mut canvas, pictures, top);
    canvas.height = bottom.ceil() as u32;
    Some(Figure {
        name: match steps(pictures) {
            Some(_) => "before-and-after",
            None => "episodes",
        }
        .into(),
        title,
        caption: caption(pictures),
        canvas,
    })
}

/// What the first run with pictures does over many trials.
pub(super) fn analyses(setting: &Setting<'_>) -> Vec<Figure> {
    let drawn = setting.runs.iter().find_map(|run| {
        let pictures = run.pictures.as_ref()?;
        (!pictures.analyses.is_empty()).then_some((run, pictures))
    });
    let Some((run, pictures)) = drawn else {
        return Vec::new();
    };
    let figure = |behaviour: &Behaviour| {
        let picture = &behaviour.picture;
        let title = format!("{}: {}", setting.agent(), picture.title);
        let mut canvas = Canvas::new(WIDTH, 0);
        let top = titles(&mut canvas, &title, &setting.subtitle_of_run(run)) + 12.0;
        let (width, height) = size(picture);
        let unit = ((f64::from(WIDTH) - 2.0 * EDGE) / width).min(HIGHEST[1] / height);
        let left = (f64::from(WIDTH) - unit * width) / 2.0;
        draw_at(&mut canvas, picture, (left, top), unit);
        canvas.height = (top + unit * height + 12.0).ceil() as u32;
        Figure {
            name: format!("behaviour-{}", file_stem(&behaviour.name)).into(),
            title,
            caption: format!(
                "{} actions. {}",
                capitalized(&pictures.actions),
                picture.caption
            ),
            canvas,
        }
    };
    pictures.analyses.iter().map(figure).collect()
}

/// A name out of a file, as part of the name of another: no path, no dots.
fn file_stem(name: &str) -> String {
    let plain = |letter: char| match letter.is_ascii_alphanumeric() {
        true => letter,
        false => '-',
    };
    name.chars().take(60).map(plain).collect()
}

fn scenes(pictures: &Pictures) -> impl Iterator<Item = &Scene> {
    pictures.tasks.iter().flat_map(|task| &task.scenes)
}

/// Gradient steps that the last picture shows the effect of.
fn steps(pictures: &Pictures) -> Option<usize> {
    scenes(pictures)
        .filter_map(|scene| scene.gradient_steps)
        .max()
}

/// "MAML before and after 3 gradient steps on 4 tasks".
fn title(agent: &str, pictures: &Pictures) -> String {
    let tasks = count(pictures.tasks.len(), "task");
    match (steps(pictures), scenes(pictures).count()) {
        (Some(steps), _) => {
            let steps = count(steps, "gradient step");
            format!("{agent} before and after {steps} on {tasks}")
        }
        (None, 1) => format!("{agent} in an episode"),
        (None, _) => format!("{agent} in the first and the last episode of a trial"),
    }
}

/// "Before adaptation", "After 3 gradient steps", "Episode 4".
fn heading(scene: &Scene) -> String {
    match scene.gradient_steps {
        Some(0) => "Before adaptation".to_string(),
        Some(steps) => format!("After {}", count(steps, "gradient step")),
        None => format!("Episode {}", scene.episode.saturating_add(1)),
    }
}

/// The mean of what is drawn.
fn earned(scene: &Scene) -> f64 {
    scene.earned.iter().sum::<f64>() / scene.earned.len() as f64
}

fn caption(pictures: &Pictures) -> String {
    let all: Vec<&Scene> = scenes(pictures).collect();
    let most = all.iter().map(|scene| scene.earned.len()).max();
    let each = match (steps(pictures), most.unwrap_or(0)) {
        (None, _) => "Number above a picture: what the episode earned.".to_string(),
        (Some(_), 1) => "Each picture shows the first episode of a trial; the number above it is \
                         what that earned."
            .to_string(),
        (Some(_), trials) => format!(
            "Each picture shows the first episodes of {trials} trials, and the number above it \
             what they earned on average."
        ),
    };
    let mut words = vec![format!(
        "{} actions. {each}",
        capitalized(&pictures.actions)
    )];
    let same = all
        .windows(2)
        .all(|pair| pair[0].picture.caption == pair[1].picture.caption);
    match (same, all.first()) {
        (true, Some(scene)) => words.push(scene.picture.caption.clone()),
        _ => {
            for task in &pictures.tasks {
                for scene in &task.scenes {
                    let place = match pictures.tasks.len() {
                        1 => heading(scene),
                        _ => format!("{}, {}", name(task), heading(scene).to_lowercase()),
                    };
                    words.push(format!("{place}: {}", scene.picture.caption));
                }
            }
        }
    }
    words.join(" ").trim_end().to_string()
}

fn name(task: &TaskScenes) -> String {
    format!("Task {}", task.task + 1)
}

/// How pictures are arranged: a row for each task, or for each picture.
struct Panels {
    left: f64,
    columns: usize,
    /// Of a panel.
    width: f64,
    highest: f64,
    /// Of what was earned.
    decimals: usize,
}

impl Panels {
    fn of(pictures: &Pictures) -> Self {
        let apart = |scene: &Scene| {
            let (width, height) = size(&scene.picture);
            width > WIDE * height
        };
        let most = pictures.tasks.iter().map(|task| task.scenes.len()).max();
        let columns = match scenes(pictures).any(apart) {
            true => 1,
            false => most.unwrap_or(1).max(1),
        };
        let gutter = if pictures.tasks.len() > 1 {
            GUTTER
        } else {
            0.0
        };
        let left = EDGE + gutter;
        let room = f64::from(WIDTH) - left - EDGE - GAP * (columns - 1) as f64;
        let whole = scenes(pictures).all(|scene| earned(scene).fract() == 0.0);
        Self {
            left,
            columns,
            width: room / columns as f64,
            highest: HIGHEST[usize::from(columns == 1)],
            decimals: if whole { 0 } else { 2 },
        }
    }

    /// Returns how far down the panels reach.
    fn draw(&self, canvas: &mut Canvas, pictures: &Pictures, mut top: f64) -> f64 {
        for task in &pictures.tasks {
            if pictures.tasks.len() > 1 {
                let words = text((EDGE, top + LABEL), name(task), LABEL, INK);
                let face = Face::SemiBold;
                canvas.text(Text { face, ..words });
            }
            for row in task.scenes.chunks(self.columns) {
                let mut bottom = top;
                for (column, scene) in row.iter().enumerate() {
                    let left = self.left + column as f64 * (self.width + GAP);
                    bottom = bottom.max(self.panel(canvas, scene, (left, top)));
                }
                top = bottom + 16.0;
            }
        }
        top
    }

    /// One picture under its heading; returns its lower edge.
    fn panel(&self, canvas: &mut Canvas, scene: &Scene, (left, top): Point) -> f64 {
        let heading = format!(
            "{}: {}",
            heading(scene),
            fixed(earned(scene), self.decimals)
        );
        let heading = Face::Regular.fit(&heading, TICK, self.width);
        canvas.text(text((left, top + LABEL), heading, TICK, MUTED));
        let (width, height) = size(&scene.picture);
        let unit = (self.width / width).min(self.highest / height);
        let top = top + LABEL + 8.0;
        draw_episodes(canvas, &scene.picture, (left, top), unit);
        top + unit * height
    }
}
