//! A maze: its map, how it is made, and shortest ways in it.

use crate::grid::Cell;
use crate::known_goal::symbol;
use crate::view::{BORDER, ahead};
use rl_core::Stream;
use rl_core::rand::RngExt as _;

/// One task: a maze, where its episodes begin and where its goal is.
#[derive(Clone, Debug, Default)]
pub struct Labyrinth {
    /// The map, with a border of walls. `[stride][stride]`
    pub(crate) tiles: Vec<Tile>,
    pub(crate) stride: usize,
    pub(crate) start: Walker,
    pub(crate) goal: usize,
    pub(crate) horizon: f32,
    /// The rooms on the way to where the walk that makes the maze is.
    pub(crate) way: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tile {
    Floor,
    Wall,
    Goal,
}

/// Where the agent is in a [`Labyrinth`], and since how many steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walker {
    pub(crate) at: usize,
    pub(crate) heading: u32,
    pub(crate) steps: u32,
}

/// Room for a search of shortest ways, over places and headings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// The action that first led to each pose, and from where. `[poses]`
    by: Vec<(u8, u32)>,
    queue: Vec<u32>, // [poses]
    way: Vec<u8>,    // [poses]
}

impl Search {
    /// Makes room for so many poses, which allocates nothing if there is.
    pub(crate) fn fit(&mut self, poses: usize) {
        self.by.resize(poses, (0, 0));
        self.queue.resize(poses, 0);
        self.way.resize(poses, 0);
    }
}

impl Labyrinth {
    /// The place of a room, by its number row by row.
    pub(crate) fn room(&self, number: usize) -> usize {
        let rooms = (self.stride - 2 * BORDER - 1) / 2;
        let (row, column) = (number / rooms, number % rooms);
        (2 * row + 1 + BORDER) * self.stride + 2 * column + 1 + BORDER
    }

    /// Walks from a room to neighbours that have never been entered, in random
    /// directions, and back where there is none, until all rooms are part of
    /// the maze.
    pub(crate) fn dig(&mut self, size: usize, rng: &mut Stream) {
        self.wall_up(size);
        let rooms = (size - 1) / 2;
        let inside = BORDER..BORDER + size;
        let first = self.room(rng.random_range(0..rooms * rooms));
        self.tiles[first] = Tile::Floor;
        self.way.clear();
        self.way.reserve(rooms * rooms);
        self.way.push(first as u32);
        while let Some(&room) = self.way.last() {
            let room = room as usize;
            let mut ways = [0; 4];
            let mut count = 0;
            for heading in 0..4 {
                let to = room.wrapping_add_signed(2 * ahead(heading, self.stride));
                let within =
                    inside.contains(&(to / self.stride)) && inside.contains(&(to % self.stride));
                if within && self.tiles[to] == Tile::Wall {
                    ways[count] = heading;
                    count += 1;
                }
            }
            if count == 0 {
                self.way.pop();
                continue;
            }
            let step = ahead(ways[rng.random_range(0..count)], self.stride);
            let to = room.wrapping_add_signed(2 * step);
            self.tiles[room.wrapping_add_signed(step)] = Tile::Floor;
            self.tiles[to] = Tile::Floor;
            self.way.push(to as u32);
        }
    }

    /// Where an action leads; against a wall, nowhere.
    #[inline]
    pub(crate) fn moved(&self, at: usize, heading: u32, action: u32) -> (usize, u32) {
        match action {
            0 => match at.wrapping_add_signed(ahead(heading, self.stride)) {
                to if self.tiles[to] == Tile::Wall => (at, heading),
                to => (to, heading),
            },
            1 => (at, (heading + 1) % 4),
            _ => (at, (heading + 3) % 4),
        }
    }

    /// The actions of a shortest way from the start to the goal, by
    /// breadth-first search over places and headings.
    pub(crate) fn shortest<'a>(&self, search: &'a mut Search) -> Option<&'a [u8]> {
        const UNSEEN: u8 = 4;
        const FIRST: u8 = 3;
        let pose = |(at, heading): (usize, u32)| 4 * at + heading as usize;
        search.fit(4 * self.tiles.len());
        let Search { by, queue, way } = search;
        by.fill((UNSEEN, 0));
        let start = pose((self.start.at, self.start.heading));
        by[start].0 = FIRST;
        queue[0] = start as u32;
        let (mut next, mut end) = (0, 1);
        while next < end {
            let from = queue[next];
            next += 1;
            for action in 0..3 {
                let to = self.moved(from as usize / 4, from % 4, action);
                let seen = &mut by[pose(to)];
                if seen.0 != UNSEEN {
                    continue;
                }
                *seen = (action as u8, from);
                if to.0 == self.goal {
                    // Written from the end, as it is found.
                    let (mut at, mut first) = (pose(to), way.len());
                    while by[at].0 != FIRST {
                        first -= 1;
                        way[first] = by[at].0;
                        at = by[at].1 as usize;
                    }
                    return Some(&way[first..]);
                }
                queue[end] = pose(to) as u32;
                end += 1;
            }
        }
        None
    }

    /// Tiles along one side.
    pub(crate) fn size(&self) -> usize {
        self.stride - 2 * BORDER
    }

    /// Row and column of a place, without the border.
    fn place(&self, at: usize) -> [usize; 2] {
        [at / self.stride - BORDER, at % self.stride - BORDER]
    }

    /// The cell of a place; rows are counted from the top.
    pub(crate) fn cell(&self, at: usize) -> Cell {
        let [row, column] = self.place(at);
        Cell {
            x: column as u32,
            y: (self.size() - 1 - row) as u32,
        }
    }

    /// Writes the description that [`Self::read`] reads.
    pub(crate) fn write(&self, description: &mut [f32]) {
        let size = self.size();
        let (walls, poses) = description.split_at_mut(size * size);
        for (index, wall) in walls.iter_mut().enumerate() {
            let at = (index / size + BORDER) * self.stride + index % size + BORDER;
            *wall = f32::from(u8::from(self.tiles[at] == Tile::Wall));
        }
        poses.fill(0.0);
        let last = (size - 1) as f32;
        let places = [self.goal, self.start.at].map(|at| self.place(at).map(|x| x as f32 / last));
        poses[..4].copy_from_slice(places.as_flattened());
        poses[4 + self.start.heading as usize] = 1.0;
    }

    /// Makes this a maze of `size` by `size` tiles that is all walls.
    pub(crate) fn wall_up(&mut self, size: usize) {
        self.stride = size + 2 * BORDER;
        self.tiles.clear();
        self.tiles.resize(self.stride * self.stride, Tile::Wall);
    }

    /// Makes this the maze of `size` by `size` tiles that a description is of.
    pub(crate) fn read(&mut self, size: usize, description: &[f32]) {
        self.wall_up(size);
        let (walls, poses) = description.split_at(size * size);
        let stride = self.stride;
        let place = |row: usize, column: usize| (row + BORDER) * stride + column + BORDER;
        for (index, _) in walls.iter().enumerate().filter(|(_, wall)| **wall == 0.0) {
            self.tiles[place(index / size, index % size)] = Tile::Floor;
        }
        let coordinate = |place: usize| (poses[place] * (size - 1) as f32).round() as usize;
        self.goal = place(coordinate(0), coordinate(1));
        self.start = Walker {
            at: place(coordinate(2), coordinate(3)),
            heading: symbol(&poses[4..]),
            steps: 0,
        };
    }
}
