# recipe.dsl: what train.dsl and val.dsl have in common, from 8 bits to the network.
import "std/image"

fn for_network(x: u8[h, w, 3]) -> f32[3, h, w]
    = x |> normalize(mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225]) |> chw
