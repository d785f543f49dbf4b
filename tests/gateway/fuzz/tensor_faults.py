"""Requests of the Open Inference Protocol with something wrong in them."""

from tests.gateway.fuzz import valid
from tests.gateway.fuzz.case import Request, kind, plain


def sent(body, **given):
    return plain(valid.asked(body, valid.INFER), **given)


def with_one(rng, **wrong):
    """Change one of the features' tensors."""
    body = valid.tensors(rng)
    body["inputs"][rng.randrange(3)] |= wrong
    return body


@kind(2)
def a_tensor_of_the_wrong_shape(rng):
    shape = rng.choice([[], [0], [-1], [99], [1, 1, 1], [2**62], [2**64], [-(2**63)], [1.5], ["1"],
                        None, 3, "x", [None], [[1]], [5, 0], [5, -1], [99, 99]])  # fmt: skip
    return sent(with_one(rng, shape=shape))


@kind(2)
def tensor_data_of_the_wrong_shape(rng):
    data = rng.choice([[], [1] * 99, [[1, 2], [3]], [[[1]]] * 5, {}, 3, None, "x", [{}], [[]] * 5,
                       [[1], 2, 3, 4, 5]])  # fmt: skip
    return sent(with_one(rng, data=data))


@kind()
def an_unknown_datatype(rng):
    datatype = rng.choice(["FP16", "fp64", "", "INT128", "BYTES ", "x" * 5_000, None, 3, ["FP64"]])
    return sent(with_one(rng, datatype=datatype))


@kind(2)
def elements_of_another_datatype(rng):
    datatype, wrong = rng.choice(
        [("INT8", 128), ("INT8", -129), ("UINT8", -1), ("UINT8", 256), ("INT32", 2**31),
         ("UINT64", -1), ("INT64", 1.5), ("FP64", "1"), ("FP32", True), ("BOOL", 1), ("BYTES", 3),
         ("FP64", [1]), ("BYTES", {}), ("INT16", 2**15), ("UINT32", 2**32)]
    )  # fmt: skip
    body = valid.tensors(rng, valid.rows(rng, 1))
    body["inputs"][rng.randrange(3)] |= {"datatype": datatype, "data": [wrong]}
    return sent(body)


@kind()
def tensors_that_do_not_fit_together(rng):
    body = valid.tensors(rng, valid.rows(rng, 2))
    inputs = body["inputs"]
    match rng.randrange(5):
        case 0:
            inputs.append(dict(inputs[0]))
        case 1:
            del inputs[rng.randrange(3)]
        case 2:
            inputs[1] |= {"shape": [3], "data": [1.0, 2.0, 3.0]}
        case 3:
            matrix = {"name": "x", "datatype": "FP64", "shape": [2, 3], "data": [0.5] * 6}
            inputs[:] = [matrix]
        case _:
            body["inputs"] = rng.choice([[], None, {}, 3, [3], [[]], "x"])
    return sent(body)


@kind(2)
def wrong_bytes_behind_the_json(rng):
    body, behind = valid.behind_json(rng)
    i = rng.randrange(5)
    match rng.randrange(5):
        case 0:
            behind[i] = behind[i][: rng.randrange(len(behind[i]))]
        case 1:
            behind.append(rng.randbytes(rng.randint(1, 40)))
        case 2:
            size = rng.choice([-1, 2**40, 2**70, "8", None, True, 0.5, [8], len(behind[i]) + 1])
            body["inputs"][i]["parameters"]["binary_data_size"] = size
        case 3:
            # a text whose length is beyond all that follows
            body, behind = valid.behind_json(rng)
            behind[2] = b"\xff" * 4 + behind[2][4:]
        case _:
            body["inputs"][i]["datatype"] = rng.choice(["FP16", "BF16", "BYTES ", ""])
    return plain(valid.in_two(body, b"".join(behind)))


@kind()
def a_wrong_place_where_the_json_ends(rng):
    body, behind = valid.behind_json(rng)
    ends = rng.choice([b"", b"-1", b"x", b"0", b"9" * 300, b"1.5", b"3", b"\xff", b"0x10", b"+5"])
    return plain(valid.in_two(body, b"".join(behind), ends))


@kind()
def random_bytes_behind_the_json(rng):
    body, behind = valid.behind_json(rng)
    behind = rng.randbytes(sum(map(len, behind)))
    return plain(valid.in_two(body, behind), may_pass=True)


@kind()
def parameters_of_other_servers(rng):
    wrong = rng.choice([{"binary_data_size": 8}, {"shared_memory_region": "r"}, [], 3, "x"])
    body = with_one(rng, parameters=wrong)
    if rng.random() < 0.5:
        body = valid.tensors(rng) | {
            "outputs": rng.choice(
                [[{"name": "other"}], [{"name": "predict", "parameters": {"classification": 3}}],
                 3, [3], [{}], {"name": "predict"}]
            )
        }  # fmt: skip
    return sent(body)


@kind()
def odd_identifiers(rng):
    odd = rng.choice(["x" * 201, "é", "\n", "\x00", 3, [], {}, True, "\ud83d"])
    return sent(valid.tensors(rng) | {"id": odd})


@kind()
def a_model_that_is_not_served(rng):
    path = rng.choice(
        [b"/v2/models/other/infer", b"/v2/models/churn/versions/9/infer", b"/v2/models/%00/infer",
         b"/v2/models/churn/versions/%ff/infer", b"/v2/models/" + b"x" * 9_000 + b"/infer",
         b"/v2/models/Churn/infer", b"/v2/models/churn%20/infer", b"/v2/models/ch%75rn%2e/infer"]
    )  # fmt: skip
    return plain(valid.asked(valid.tensors(rng), path))


@kind(0.05)
def huge_tensors(rng):
    n = rng.choice([10_001, 200_000])
    tensor = b'{"name": "age", "datatype": "FP64", "shape": [%d], "data": [' % n
    body = b'{"inputs": [' + tensor + b"1," * (n - 1) + b"1]}]}"
    return plain(Request(body, valid.INFER))
