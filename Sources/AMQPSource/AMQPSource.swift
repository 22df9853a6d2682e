// AMQPSource
