"""The networks that no package has, as torch modules: a detector, a U-Net, small
recurrent and dense models, a recommender and the shapes of kernels that the
usual models leave out."""

import torch
from torch import nn


def conv_norm(inputs, outputs, kernel=1, stride=1, act=nn.SiLU, **more):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride,
                  more.pop("padding", kernel // 2), bias=False, **more),
        nn.BatchNorm2d(outputs), act())


class Bottleneck(nn.Module):
    def __init__(self, channels, shortcut):
        super().__init__()
        self.body = nn.Sequential(conv_norm(channels, channels, 3),
                                  conv_norm(channels, channels, 3))
        self.shortcut = shortcut

    def forward(self, x):
        return x + self.body(x) if self.shortcut else self.body(x)


class SplitBlock(nn.Module):
    """YOLOv8's C2f: halves, a chain of bottlenecks on one, all of it merged."""

    def __init__(self, inputs, outputs, depth, shortcut=False):
        super().__init__()
        self.half = outputs // 2
        self.enter = conv_norm(inputs, outputs)
        self.chain = nn.ModuleList(
            Bottleneck(self.half, shortcut) for _ in range(depth))
        self.leave = conv_norm((2 + depth) * self.half, outputs)

    def forward(self, x):
        parts = list(self.enter(x).split(self.half, 1))
        for block in self.chain:
            parts.append(block(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class PyramidPool(nn.Module):
    """YOLOv8's SPPF: three 5x5 poolings one after another, and all of them."""

    def __init__(self, channels):
        super().__init__()
        self.enter = conv_norm(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.leave = conv_norm(2 * channels, channels)

    def forward(self, x):
        parts = [self.enter(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Detect(nn.Module):
    """Boxes as expectations over 16 distances a side, and class scores."""

    def __init__(self, channels, strides, classes=80, bins=16):
        super().__init__()
        self.bins, self.classes, self.strides = bins, classes, strides
        box, score = max(16, channels[0] // 4, 4 * bins), max(channels[0], classes)

        def branch(inputs, width, outputs):
            return nn.Sequential(conv_norm(inputs, width, 3),
                                 conv_norm(width, width, 3),
                                 nn.Conv2d(width, outputs, 1))

        self.boxes = nn.ModuleList(branch(c, box, 4 * bins) for c in channels)
        self.scores = nn.ModuleList(branch(c, score, classes) for c in channels)

    def forward(self, *levels):
        boxes, scores, anchors, strides = [], [], [], []
        for x, stride, box, score in zip(levels, self.strides, self.boxes,
                                         self.scores):
            batch, _, height, width = x.shape
            boxes.append(box(x).reshape(batch, 4 * self.bins, height * width))
            scores.append(score(x).reshape(batch, self.classes, height * width))
            rows, columns = torch.meshgrid(
                torch.arange(height, dtype=torch.float32) + 0.5,
                torch.arange(width, dtype=torch.float32) + 0.5, indexing="ij")
            anchors.append(torch.stack([columns.flatten(), rows.flatten()]))
            strides.append(torch.full((height * width,), float(stride)))
        anchors, strides = torch.cat(anchors, 1), torch.cat(strides)
        sides = torch.cat(boxes, 2)
        batch, _, count = sides.shape
        sides = sides.reshape(batch, 4, self.bins, count).softmax(2)
        bins = torch.arange(self.bins, dtype=sides.dtype).reshape(1, 1, -1, 1)
        left, right = (sides * bins).sum(2).chunk(2, 1)
        low, high = anchors - left, anchors + right
        box = torch.cat([(low + high) / 2, high - low], 1) * strides
        return torch.cat([box, torch.cat(scores, 2).sigmoid()], 1)


class Detector(nn.Module):
    """The graph of YOLOv8n."""

    def __init__(self):
        super().__init__()
        self.to_p3 = nn.Sequential(
            conv_norm(3, 16, 3, 2), conv_norm(16, 32, 3, 2),
            SplitBlock(32, 32, 1, True), conv_norm(32, 64, 3, 2),
            SplitBlock(64, 64, 2, True))
        self.to_p4 = nn.Sequential(conv_norm(64, 128, 3, 2),
                                   SplitBlock(128, 128, 2, True))
        self.to_p5 = nn.Sequential(conv_norm(128, 256, 3, 2),
                                   SplitBlock(256, 256, 1, True),
                                   PyramidPool(256))
        self.up = nn.Upsample(scale_factor=2)
        self.up4, self.up3 = SplitBlock(384, 128, 1), SplitBlock(192, 64, 1)
        self.down4, self.mix4 = conv_norm(64, 64, 3, 2), SplitBlock(192, 128, 1)
        self.down5, self.mix5 = conv_norm(128, 128, 3, 2), SplitBlock(384, 256, 1)
        self.detect = Detect((64, 128, 256), (8, 16, 32))

    def forward(self, image):
        p3 = self.to_p3(image)
        p4 = self.to_p4(p3)
        p5 = self.to_p5(p4)
        top4 = self.up4(torch.cat([self.up(p5), p4], 1))
        out3 = self.up3(torch.cat([self.up(top4), p3], 1))
        out4 = self.mix4(torch.cat([self.down4(out3), top4], 1))
        out5 = self.mix5(torch.cat([self.down5(out4), p5], 1))
        return self.detect(out3, out4, out5)


class UNet(nn.Module):
    def __init__(self, base=32, depth=4, inputs=3, outputs=2):
        super().__init__()

        def double(a, b):
            return nn.Sequential(conv_norm(a, b, 3, act=nn.ReLU),
                                 conv_norm(b, b, 3, act=nn.ReLU))

        widths = [base << level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            double(a, b) for a, b in zip([inputs] + widths, widths))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2)
                                for w in reversed(widths[:-1]))
        self.merge = nn.ModuleList(double(2 * w, w)
                                   for w in reversed(widths[:-1]))
        self.head = nn.Conv2d(base, outputs, 1)

    def forward(self, image):
        skips = [self.down[0](image)]
        for block in self.down[1:]:
            skips.append(block(self.pool(skips[-1])))
        x = skips.pop()
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([skips.pop(), up(x)], 1))
        return self.head(x)


class Recurrent(nn.Module):
    """Two LSTM layers and a projection of every step."""

    def __init__(self, width=512, outputs=128):
        super().__init__()
        self.lstm = nn.LSTM(width, width, 2, batch_first=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, steps):
        return self.head(self.lstm(steps)[0])


def dense(*widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Recommender(nn.Module):
    """DLRM: dense features and 26 embeddings, all their dot products, an MLP."""

    def __init__(self, tables=26, rows=10000, width=64):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, width)
                                    for _ in range(tables))
        self.bottom = nn.Sequential(dense(13, 512, 256, width), nn.ReLU())
        self.top = dense(width + (tables + 1) * tables // 2, 512, 256, 1)
        pairs = torch.tril_indices(tables + 1, tables + 1, -1)
        self.register_buffer("pairs", pairs[0] * (tables + 1) + pairs[1])

    def forward(self, features, rows):
        x = self.bottom(features)
        parts = [x] + [table(rows[:, i]) for i, table in enumerate(self.tables)]
        stacked = torch.stack(parts, 1)
        products = (stacked @ stacked.transpose(1, 2)).flatten(1)
        products = products.index_select(1, self.pairs)
        return self.top(torch.cat([x, products], 1)).sigmoid()


class Dilated(nn.Module):
    """A segmentation net: grouped convolutions (32 groups), then dilated ones
    side by side, as ResNeXt and DeepLab have them."""

    def __init__(self, classes=21):
        super().__init__()
        relu = {"act": nn.ReLU}
        self.stem = nn.Sequential(conv_norm(3, 64, 7, 2, **relu),
                                  nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList()
        inputs = 64
        for outputs, stride in ((128, 1), (256, 2), (256, 1)):
            self.stages.append(nn.Sequential(
                conv_norm(inputs, outputs, **relu),
                conv_norm(outputs, outputs, 3, stride, groups=32, **relu),
                conv_norm(outputs, outputs, **relu)))
            inputs = outputs
        self.branches = nn.ModuleList(
            conv_norm(256, 128, 3, padding=d, dilation=d, **relu)
            for d in (1, 6, 12, 18))
        self.image = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(256, 128, 1),
                                   nn.ReLU())
        self.merge = conv_norm(5 * 128, 128, **relu)
        self.head = nn.Conv2d(128, classes, 1)

    def forward(self, image):
        x = self.stem(image)
        for stage in self.stages:
            x = stage(x)
        pooled = self.image(x).expand(-1, -1, x.shape[2], x.shape[3])
        x = self.merge(torch.cat([*(b(x) for b in self.branches), pooled], 1))
        return nn.functional.interpolate(self.head(x), scale_factor=8.0,
                                         mode="bilinear", align_corners=False)


class Volumes(nn.Module):
    """A 3-D residual net over 16 frames, as video and medical models are."""

    def __init__(self, classes=400):
        super().__init__()

        def conv(inputs, outputs, kernel, stride=1):
            padding = tuple(k // 2 for k in kernel)
            return nn.Sequential(
                nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False),
                nn.BatchNorm3d(outputs))

        self.stem = nn.Sequential(conv(3, 32, (3, 7, 7), (1, 2, 2)), nn.ReLU())
        self.blocks, self.skips = nn.ModuleList(), nn.ModuleList()
        inputs = 32
        for outputs, stride in ((32, 1), (64, 2), (128, 2), (256, 2)):
            self.blocks.append(nn.Sequential(
                conv(inputs, outputs, (3, 3, 3), stride), nn.ReLU(),
                conv(outputs, outputs, (3, 3, 3))))
            self.skips.append(conv(inputs, outputs, (1, 1, 1), stride))
            inputs = outputs
        self.head = nn.Linear(inputs, classes)

    def forward(self, video):
        x = self.stem(video)
        for block, skip in zip(self.blocks, self.skips):
            x = torch.relu(block(x) + skip(x))
        return self.head(x.mean((2, 3, 4)))


class Audio(nn.Module):
    """A 1-D residual net on a second of sound: strided convolutions to frames,
    then dilated ones with gated units, as WaveNet and its heirs have."""

    def __init__(self, width=128, outputs=64):
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv1d(1, 64, 16, 8, 4), nn.GELU(),
            nn.Conv1d(64, width, 8, 4, 2), nn.GELU())
        self.dilated = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 3, padding=d, dilation=d)
            for d in (1, 2, 4, 8, 16, 32))
        self.back = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(6))
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(6))
        self.decode = nn.ConvTranspose1d(width, outputs, 8, 4, 2)

    def forward(self, sound):
        x = self.encode(sound)
        for conv, back, norm in zip(self.dilated, self.back, self.norms):
            value, gate = conv(norm(x)).chunk(2, 1)
            x = x + back(value.tanh() * gate.sigmoid())
        return self.decode(x)


class DiffusionBlock(nn.Module):
    """Residual block that takes the time step, then self-attention if asked."""

    def __init__(self, inputs, outputs, time, heads=0):
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(16, inputs), nn.SiLU(),
                                   nn.Conv2d(inputs, outputs, 3, padding=1))
        self.time = nn.Linear(time, outputs)
        self.second = nn.Sequential(nn.GroupNorm(16, outputs), nn.SiLU(),
                                    nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Conv2d(inputs, outputs, 1)
        self.heads = heads
        if heads:
            self.norm = nn.GroupNorm(16, outputs)
            self.qkv = nn.Conv2d(outputs, 3 * outputs, 1)
            self.project = nn.Conv2d(outputs, outputs, 1)

    def forward(self, x, time):
        y = self.first(x) + self.time(time)[:, :, None, None]
        x = self.skip(x) + self.second(y)
        if not self.heads:
            return x
        batch, channels, height, width = x.shape
        qkv = self.qkv(self.norm(x)).reshape(
            batch, 3, self.heads, channels // self.heads, height * width)
        q, k, v = qkv.transpose(3, 4).unbind(1)
        y = nn.functional.scaled_dot_product_attention(q, k, v)
        return x + self.project(
            y.transpose(2, 3).reshape(batch, channels, height, width))


class Diffusion(nn.Module):
    """A small denoising U-Net with attention at its two lower resolutions."""

    def __init__(self, base=64, time=256):
        super().__init__()
        self.register_buffer("frequencies",
                             torch.exp(-torch.arange(0, 32) * 0.2878))
        self.time = nn.Sequential(nn.Linear(64, time), nn.SiLU(),
                                  nn.Linear(time, time), nn.SiLU())
        self.enter = nn.Conv2d(4, base, 3, padding=1)
        widths = (base, 2 * base, 4 * base)
        heads = (0, 4, 8)
        self.down = nn.ModuleList(
            DiffusionBlock(a, b, time, h)
            for a, b, h in zip((base,) + widths, widths, heads))
        self.shrink = nn.ModuleList(nn.Conv2d(w, w, 3, 2, 1) for w in widths[:-1])
        self.middle = DiffusionBlock(widths[-1], widths[-1], time, heads[-1])
        self.up = nn.ModuleList(
            DiffusionBlock(a + b, b, time, h)
            for a, b, h in zip((widths[-1],) + widths[:0:-1], widths[::-1],
                               heads[::-1]))
        self.leave = nn.Sequential(nn.GroupNorm(16, base), nn.SiLU(),
                                   nn.Conv2d(base, 4, 3, padding=1))

    def forward(self, latent, step):
        angle = step[:, None] * self.frequencies
        time = self.time(torch.cat([angle.sin(), angle.cos()], 1))
        x, skips = self.enter(latent), []
        for level, block in enumerate(self.down):
            x = block(x, time)
            skips.append(x)
            if level < len(self.shrink):
                x = self.shrink[level](x)
        x = self.middle(x, time)
        for level, block in enumerate(self.up):
            if level:
                x = nn.functional.interpolate(x, scale_factor=2.0)
            x = block(torch.cat([x, skips.pop()], 1), time)
        return self.leave(x)
