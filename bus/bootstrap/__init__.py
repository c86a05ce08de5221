"""Bootstrap: the only place that builds the object graph, reads the clock and makes randomness.

`axis` builds the parent, `worker` each of its processes, `dead_letters` the dead-letter handler,
`broker` the broker, `directory` the directory; `process` is what every process needs. Commands
import the module that they need: the whole of it takes half a second.
"""
