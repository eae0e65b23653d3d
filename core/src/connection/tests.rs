//! Two connections are stepped by hand here: no runtime, no socket, and a time that tests advance.

mod bodies;
mod bounds;
mod calls;
mod cancel;
mod deadlines;
mod ending;
mod fuzz;
mod hello;
mod landing;
mod life;
mod order;
mod pair;
mod pushes;
mod random;
mod rng;
mod shuffle;
mod transcript;
mod violations;
mod waiting;
